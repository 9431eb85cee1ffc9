/*
 * Whether a person can really see what they are about to click. In a frame the page around may lie over it, or make it
 * transparent (clickjacking); IntersectionObserver v2 tells, in the browsers that have it. Outside of a frame, and where
 * the browser cannot tell, nothing is held back: docs/THREATS.md says so.
 */
const SETTLED_MS = 600;
const framed = window.parent !== window;
const canTell = typeof IntersectionObserverEntry === 'function' && 'isVisible' in IntersectionObserverEntry.prototype;

/* A function that says whether the element has been in plain sight for the last moments. */
export function inSight(element) {
	if (!framed || !canTell) return () => true;
	let since = Infinity;
	new IntersectionObserver((entries) => {
		const { isVisible } = entries.at(-1);
		since = isVisible ? Math.min(since, performance.now()) : Infinity;
	}, { threshold: [0, 0.5, 1], trackVisibility: true, delay: 100 }).observe(element);
	return () => performance.now() - since >= SETTLED_MS;
}
