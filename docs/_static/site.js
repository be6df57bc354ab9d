// What scrolls sideways can be reached, and so scrolled, by the keyboard.
const scrollers = "pre, .table-wrapper, figure.graph, mjx-container[display='true']";

function reach() {
  for (const box of document.querySelectorAll(`article :is(${scrollers})`)) {
    const hidden = box.scrollWidth > box.clientWidth || box.scrollHeight > box.clientHeight + 1;
    if (hidden && /auto|scroll/.test(getComputedStyle(box).overflowX)) box.tabIndex = 0;
    else box.removeAttribute("tabindex");
  }
}

addEventListener("load", reach);
addEventListener("resize", reach);
addEventListener("toggle", reach, true); // code that unfolds
document.querySelector(".sidebar-drawer")?.setAttribute("aria-label", "All pages");
document.querySelector(".toc-drawer")?.setAttribute("aria-label", "On this page");
