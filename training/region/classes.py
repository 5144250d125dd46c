"""What the region model tells apart: US states and DC, European countries, and *cannot tell*."""

from __future__ import annotations

from typing import Final

# Code: the name on the plate, then what else its designs say or have said.
STATES: Final[dict[str, tuple[str, ...]]] = {
    "AL": ("Alabama", "Sweet Home", "Heart of Dixie", "Stars Fell On"),
    "AK": ("Alaska", "The Last Frontier", "Celebrating Statehood"),
    "AZ": ("Arizona", "Grand Canyon State"),
    "AR": ("Arkansas", "The Natural State"),
    "CA": ("California", "dmv.ca.gov", "Sesquicentennial", "The Golden State"),
    "CO": ("Colorado", "Pioneer"),
    "CT": ("Connecticut", "Constitution State"),
    "DE": ("Delaware", "The First State"),
    "DC": ("Washington, D.C.", "Taxation Without Representation", "Celebrate & Discover", "End Taxation"),
    "FL": ("Florida", "Sunshine State", "MyFlorida.com", "In God We Trust"),
    "GA": ("Georgia", "Peach State", "In God We Trust"),
    "HI": ("Hawaii", "Aloha State"),
    "ID": ("Idaho", "Famous Potatoes", "Scenic"),
    "IL": ("Illinois", "Land of Lincoln"),
    "IN": ("Indiana", "In God We Trust", "Lincoln's Boyhood Home", "Bicentennial"),
    "IA": ("Iowa",),
    "KS": ("Kansas", "To the Stars"),
    "KY": ("Kentucky", "Bluegrass State", "Unbridled Spirit", "In God We Trust"),
    "LA": ("Louisiana", "Sportsman's Paradise", "Bayou State"),
    "ME": ("Maine", "Vacationland"),
    "MD": ("Maryland", "www.maryland.gov", "Treasure the Chesapeake", "War of 1812"),
    "MA": ("Massachusetts", "The Spirit of America"),
    "MI": ("Michigan", "Great Lakes", "Pure Michigan", "Spectacular Peninsulas", "Great Lakes Splendor"),
    "MN": ("Minnesota", "10,000 lakes", "Explore"),
    "MS": ("Mississippi", "The Magnolia State", "In God We Trust"),
    "MO": ("Missouri", "Show-Me State"),
    "MT": ("Montana", "Big Sky Country", "Treasure State"),
    "NE": ("Nebraska", "Cornhusker State"),
    "NV": ("Nevada", "The Silver State", "Home Means Nevada"),
    "NH": ("New Hampshire", "Live Free or Die"),
    "NJ": ("New Jersey", "Garden State"),
    "NM": ("New Mexico", "Land of Enchantment", "Centennial"),
    "NY": ("New York", "Empire State", "Excelsior", "The Empire State"),
    "NC": ("North Carolina", "First in Flight", "First in Freedom"),
    "ND": ("North Dakota", "Discover the Spirit", "Peace Garden State", "Legendary"),
    "OH": ("Ohio", "Birthplace of Aviation", "The Heart of it All"),
    "OK": ("Oklahoma", "Native America", "Explore Oklahoma", "OK"),
    "OR": ("Oregon", "Pacific Wonderland"),
    "PA": ("Pennsylvania", "visitPA.com", "Keystone State", "www.state.pa.us"),
    "RI": ("Rhode Island", "Ocean State"),
    "SC": ("South Carolina", "Travel2SC.com", "Smiling Faces", "While I Breathe, I Hope"),
    "SD": ("South Dakota", "Great Faces. Great Places.", "Mount Rushmore"),
    "TN": ("Tennessee", "The Volunteer State"),
    "TX": ("Texas", "The Lone Star State"),
    "UT": ("Utah", "Life Elevated", "Greatest Snow on Earth"),
    "VT": ("Vermont", "Green Mountain State"),
    "VA": ("Virginia", "Virginia is for Lovers", "400th Anniversary"),
    "WA": ("Washington", "Evergreen State"),
    "WV": ("West Virginia", "Wild, Wonderful"),
    "WI": ("Wisconsin", "America's Dairyland"),
    "WY": ("Wyoming", "Forever West"),
}
"""ISO 3166-2 code without ``US-``: the name first, then slogans."""

BANDS: Final[dict[str, str]] = {
    "AT": "A", "BE": "B", "BG": "BG", "CH": "CH", "CZ": "CZ", "DE": "D", "DK": "DK", "EE": "EST", "ES": "E",
    "FI": "FIN", "FR": "F", "GB": "GB", "GR": "GR", "HR": "HR", "HU": "H", "IE": "IRL", "IT": "I", "LT": "LT",
    "LU": "L", "LV": "LV", "NL": "NL", "NO": "N", "PL": "PL", "PT": "P", "RO": "RO", "SE": "S", "SI": "SLO",
    "SK": "SK",
}  # fmt: skip
"""European countries by ISO 3166-1 code, with the letters in the blue band."""

ELSEWHERE: Final = (
    "Ontario", "Quebec", "British Columbia", "Alberta", "Manitoba", "Saskatchewan", "Nova Scotia", "Yukon",
    "New Brunswick", "Nunavut", "Newfoundland", "Baja California", "Sonora", "Chihuahua", "Jalisco", "Nuevo Leon",
    "Tamaulipas", "Puerto Rico", "Guam", "Cherokee Nation", "U.S. Government", "Brasil", "Argentina", "Bermuda",
    "Virgin Islands", "Je me souviens", "Yours to Discover", "Beautiful", "Canada's Ocean Playground", "Mexico",
    "Sinaloa",
)  # fmt: skip
"""Names on plates of places that are no class: *cannot tell*."""

CLASSES: Final = (*(f"US-{code}" for code in STATES), *BANDS, "")
"""A model's outputs in order; the last, empty, is *cannot tell*."""
CANNOT_TELL: Final = len(CLASSES) - 1
US: Final = len(STATES)
"""The first so many classes are US states."""
HEIGHT, WIDTH = 64, 128
"""The model's input, in pixels."""
DRAWN: Final = (80, 160)
"""Height and width of the drawn crops: larger than the input, which may still grow."""
