"use strict";
// Without this script the last picture of each figure is the one that shows.
const figures = [...document.querySelectorAll("figure.picture")].filter((figure) => figure.querySelector(".slide"));
const address = /^#frame=(\d{1,3})$/.exec(location.hash);
figures.forEach((figure, place) => {
  const frames = [...figure.querySelectorAll("img")];
  const slider = figure.querySelector("input");
  const output = figure.querySelector("output");
  const last = frames.length - 1;
  const show = (number) => {
    frames.forEach((frame, i) => { frame.hidden = i !== number; });
    const step = "step " + Number(frames[number].dataset.step).toLocaleString("en");
    slider.value = number;
    slider.setAttribute("aria-valuetext", step);
    output.value = step;
  };
  slider.addEventListener("input", () => show(Number(slider.value)));
  show(address && place === 0 ? Math.min(Number(address[1]), last) : last);
  figure.querySelector(".slide").hidden = false;
});
