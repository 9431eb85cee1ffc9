/* Policies and regions: what is kept how long and why, in all versions; admins edit, preview and apply. */
import { formatDay, tOr } from '../i18n/i18n.js';
import { list } from '../ui/api.js';
import { el, plain } from '../ui/dom.js';
import { explain } from './policy_explain.js';
import { policyForm } from './policy_form.js';
import { table } from './table.js';

const PURPOSES = ['recording', 'quality', 'supervision', 'certification', 'research', 'ai_training', 'disclosure', 'share_copy'];
const UNITS = ['days', 'months', 'seconds'];

/* {"days":30} in words; nothing where there is no period. */
export function period(value) {
	const unit = UNITS.find((one) => value?.[one] !== undefined);
	return unit ? el('span', { t: [`policy.unit.${unit}`, { n: value[unit] }] }) : plain('span', '—');
}

function keep(entry, kind) {
	if (!entry) return el('span', { t: kind === 'region' ? 'policy.unlimited' : 'policy.notOffered' });
	if (entry.off) return el('span', { t: 'policy.off' });
	if (!entry.after_decision) return period(entry);
	return el('span', {}, period(entry), el('br'), el('span', { t: 'policy.afterDecision' }), ' ', period(entry.after_decision));
}

function purposeRows({ purposes = {}, kind, archive }) {
	return PURPOSES.map((purpose) => {
		const entry = purposes[purpose];
		const archived = entry?.archive_after ? period(entry.archive_after)
			: archive && entry && !entry.off ? el('span', {}, el('span', { t: 'policy.lastPart' }), ' ', period(archive)) : plain('span', '—');
		return [el('strong', { t: `purpose.${purpose}` }), keep(entry, kind), archived, plain('span', entry?.reason ?? '—')];
	});
}

/* What is not about one purpose. Each row: what, how long or how, why. */
function otherRows(document) {
	const rows = [];
	const add = (key, value, reason) => value && rows.push([el('strong', { t: key }), value, plain('span', reason || '—')]);
	const tier = document.protected;
	add('policy.protected', tier && el('span', {}, period(tier), tier.four_eyes ? el('br') : null,
		tier.four_eyes ? el('span', { t: 'policy.fourEyes' }) : null), tier?.reason);
	add('policy.archive', document.archive && period(document.archive), document.archive?.reason);
	add('policy.accessLog', document.access_log && period(document.access_log), document.access_log?.reason);
	add('policy.proof', document.consent_proof_days && period({ days: document.consent_proof_days }));
	add('policy.minors', document.minors && el('span', { t: document.minors.allowed ? 'policy.allowed' : 'policy.forbidden' }),
		[document.minors?.reason, document.minors?.parental_consent].filter(Boolean).join(' · '));
	add('policy.storage', document.storage && plain('span', document.storage));
	return rows;
}

async function one(context, name) {
	const answer = await context.api.get(`/v1/policies/${encodeURIComponent(name)}`);
	const title = plain('h1', `${answer.name} · ${answer.version}`);
	const versions = list(answer, 'versions').map((version) =>
		[plain('span', version.version), plain('span', formatDay(version.created)), plain('span', version.set_by?.replace('user:', '') ?? '—')]);
	const nodes = [
		el('a', { class: 'back', href: '#/policies', t: 'policy.back' }), title,
		el('p', { class: 'lead', t: answer.kind === 'region' ? 'policy.regionLead' : 'policy.lead' }), plain('p', answer.document.reason),
		table(['policy.purpose', 'policy.keep', 'policy.archiveAfter', 'policy.reason'], purposeRows(answer.document), 'policy-purpose', 'policy.purpose'),
		table(['policy.rule', 'policy.keep', 'policy.reason'], otherRows(answer.document), 'policy-other', 'policy.rule'),
		el('h2', { t: 'policy.versions' }),
		table(['policy.version', 'policy.since', 'policy.by'], versions, 'policy-version', 'policy.versions'),
	];
	if (context.me.role === 'admin') nodes.push(policyForm(context, answer, PURPOSES, UNITS));
	return { nodes };
}

async function all(context) {
	const rows = list(await context.api.get('/v1/policies'), 'policies').map((policy) => {
		const link = plain('a', policy.name, { href: `#/policies/${encodeURIComponent(policy.name)}`, 'data-testid': 'policy-open' });
		return [link, el('span', { t: tOr(`policy.kind.${policy.kind}`, 'policy.kind.policy') }), plain('span', policy.version),
			plain('span', formatDay(policy.created)), plain('span', policy.reason)];
	});
	const columns = ['policy.name', 'policy.kindName', 'policy.version', 'policy.since', 'policy.reason'];
	return { nodes: [el('h1', { t: 'staff.policies' }), el('p', { class: 'lead', t: 'policy.intro' }),
		table(columns, rows, 'policy-row', 'staff.policies'), explain(context)] };
}

export function policies(context) {
	return context.id ? one(context, decodeURIComponent(context.id)) : all(context);
}
