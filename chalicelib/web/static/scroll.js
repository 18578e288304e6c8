/** Coming back to a place on a page whose contents have to be loaded again. */

/** Scroll there as soon as this element makes the page tall enough, unless somebody moves on the page before. */
export function scrollBack(y, element, signal) {
  const observer = new ResizeObserver(() => {
    if (document.documentElement.scrollHeight < y + innerHeight) return;
    observer.disconnect();
    scrollTo(0, y);
  });
  observer.observe(element);
  const stop = () => observer.disconnect();
  signal.addEventListener("abort", stop);
  for (const kind of ["wheel", "touchstart", "pointerdown", "keydown"]) addEventListener(kind, stop, { once: true, signal });
}
