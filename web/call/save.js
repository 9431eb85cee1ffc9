/* A file from the API into the person's downloads: fetched with the token, which an address must not carry. */
import { el } from '../ui/dom.js';

export async function saveAs(api, path, name) {
	const content = await (await api.request('GET', path)).blob();
	const url = URL.createObjectURL(content);
	const link = el('a', { href: url, download: name });
	document.body.append(link);
	link.click();
	link.remove();
	setTimeout(() => URL.revokeObjectURL(url), 60_000);
}
