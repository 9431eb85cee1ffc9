/* A notice's hash covers all its members but `sha256` and `seal`, in RFC 8785 form. */
import { sha256, toHex, utf8 } from './bytes.js';
import { canonicalize } from './jcs.js';

export async function noticeHash(notice) {
	const { sha256: _hash, seal: _seal, ...covered } = notice;
	return toHex(await sha256(utf8(canonicalize(covered))));
}

export async function checkNotice(notice) {
	if ((await noticeHash(notice)) !== notice.sha256) throw new Error('a notice that is not what it says');
	return notice;
}
