"use strict";
// Without this script the last picture is the one that shows.
const box = document.getElementById("time");
if (box) {
  const frames = [...box.querySelectorAll("img")];
  const slider = box.querySelector("input");
  const said = box.querySelector("output");
  const show = (shown) => {
    frames.forEach((frame, i) => { frame.hidden = i !== shown; });
    const step = "step " + Number(frames[shown].dataset.step).toLocaleString("en");
    slider.value = shown;
    slider.setAttribute("aria-valuetext", step);
    said.value = step;
  };
  const asked = /^#frame=(\d{1,3})$/.exec(location.hash);
  slider.addEventListener("input", () => show(Number(slider.value)));
  show(asked ? Math.min(Number(asked[1]), frames.length - 1) : frames.length - 1);
  box.querySelector(".slide").hidden = false;
}
