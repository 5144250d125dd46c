"""Drawing a road by code: camera, plates, vehicles, road, weather. No picture of anybody's is used."""
