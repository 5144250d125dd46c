// Enhance controls: they change only how this browser draws the crop.
(() => {
  "use strict";
  const by = (id) => document.getElementById(id);
  const crop = by("crop");
  const draw = () => {
    crop.style.filter = `brightness(${by("brightness").value}%) contrast(${by("contrast").value}%) ` +
      `invert(${by("invert").checked ? 1 : 0})`;
    crop.style.width = `${by("zoom").value}%`;
  };
  for (const id of ["brightness", "contrast", "zoom", "invert"]) by(id).addEventListener("input", draw);
  by("plain").addEventListener("click", () => {
    by("brightness").value = 100;
    by("contrast").value = 100;
    by("zoom").value = 100;
    by("invert").checked = false;
    draw();
  });
})();
