/* What the operator answers for: the register of processing, recipients and processors, roles per tenant, disclosures. */
import { currentLanguage, formatDate, formatDay, tOr } from '../i18n/i18n.js';
import { list } from '../ui/api.js';
import { action, el, plain } from '../ui/dom.js';
import { problemLine } from '../ui/problem.js';
import { formDialog, labelledField } from './dialog.js';
import { period } from './policies.js';
import { paged } from './pager.js';
import { empty } from './states.js';
import { table } from './table.js';

const CAPACITIES = ['controller', 'processor', 'joint'];
const ROLES = ['recipient', 'processor', 'sub_processor'];

function field(id, key, options = {}) {
	const input = el('input', { maxlength: '200', test: id, ...options });
	return { input, node: labelledField(id, key, input), text: () => input.value.trim() };
}

function choice(id, key, values, prefix, chosen) {
	const input = el('select', { required: true, test: id },
		...values.map((one) => el('option', { value: one, t: `${prefix}.${one}`, selected: one === chosen })));
	return { node: labelledField(id, key, input), text: () => input.value };
}

/* Members that were filled in. */
function filled(pairs) {
	return Object.fromEntries(Object.entries(pairs).filter(([, value]) => value));
}

function askRecipient({ api, again }, tenants) {
	const name = field('recipient-name', 'register.name', { required: true });
	const role = choice('recipient-role', 'register.role', ROLES, 'register.role');
	const place = field('recipient-place', 'register.place', { required: true });
	const purpose = field('recipient-purpose', 'register.purpose', { required: true });
	const since = field('recipient-since', 'register.since', { type: 'date' });
	const tenant = el('select', { test: 'recipient-tenant' }, el('option', { value: '', t: 'register.allTenants' }),
		...tenants.map((one) => plain('option', one.name, { value: one.name })));
	formDialog({
		title: 'register.newRecipient',
		lead: 'register.recipientLead',
		test: 'recipient',
		fields: [name.node, role.node, place.node, purpose.node, since.node, labelledField('recipient-tenant', 'register.tenant', tenant)],
		submit: { t: 'register.add', test: 'recipient-add' },
		async run() {
			const from = since.text() && new Date(`${since.text()}T00:00:00.000Z`).toISOString();
			await api.post('/v1/recipients', filled({ name: name.text(), role: role.text(), place: place.text(), purpose: purpose.text(), since: from,
				tenant: tenant.value }));
			again();
			return true;
		},
	});
}

function askRoles({ api, again }, tenant) {
	const capacity = choice('roles-capacity', 'register.capacity', CAPACITIES, 'register.capacity', tenant.capacity);
	const controller = field('roles-controller', 'register.controller', { value: tenant.controller });
	const contact = field('roles-contact', 'register.contact', { value: tenant.contact });
	const agreement = field('roles-agreement', 'register.agreement', { value: tenant.agreement });
	formDialog({
		title: 'register.setRoles',
		lead: 'register.rolesLead',
		test: 'roles',
		fields: [plain('p', tenant.name, { class: 'subject' }), capacity.node, controller.node, contact.node, agreement.node],
		submit: { t: 'register.save', test: 'roles-save' },
		async run() {
			await api.put(`/v1/tenants/${encodeURIComponent(tenant.name)}/roles`, filled({ capacity: capacity.text(), controller: controller.text(),
				contact: contact.text(), agreement: agreement.text() }));
			again();
			return true;
		},
	});
}

function keep({ number, unit }) {
	return number ? period({ [unit]: number }) : plain('span', '—');
}

function tenantCard(context, tenant) {
	const act = context.me.role === 'admin'
		? el('button', { type: 'button', class: 'small', t: 'register.setRoles', test: 'roles-open', on: { click: () => askRoles(context, tenant) } }) : null;
	const who = [tenant.controller, tenant.contact, tenant.agreement].filter(Boolean).join(' · ');
	const rows = list(tenant, 'activities').map((activity) => [
		plain('strong', activity.title ?? activity.id), keep(activity.keep ?? {}), plain('span', activity.decided_by ?? '—'), plain('span', activity.reason ?? '—'),
	]);
	return el('section', { class: 'card stack', test: 'register-tenant' },
		el('div', { class: 'row between' }, plain('h3', tenant.name), act),
		el('p', {}, el('span', { class: 'state', t: tOr(`register.capacity.${tenant.capacity}`, 'register.capacityUnsaid') }), ' ', plain('span', who)),
		table(['register.activity', 'register.keep', 'register.decidedBy', 'register.why'], rows, 'register-activity', 'register.activity'));
}

function recipientRows(context, recipients, problem) {
	return recipients.map((one) => {
		const end = el('button', { type: 'button', class: 'small', t: 'register.end', test: 'recipient-end' });
		action(end, () => context.api.delete(`/v1/recipients/${one.id}`).then(context.again, problem.show));
		const over = el('span', { class: 'state', t: ['register.endedOn', { time: formatDay(one.ended) }] });
		return [plain('strong', one.name), el('span', { t: tOr(`register.role.${one.role}`, 'register.role.recipient') }), plain('span', one.place),
			plain('span', one.purpose), plain('span', one.tenant ?? '—'), plain('span', formatDay(one.since)),
			one.ended ? over : context.me.role === 'admin' ? end : plain('span', '—')];
	});
}

function disclosureRow(one) {
	return [
		el('span', {}, plain('strong', one.who), ' ', one.role ? el('span', { t: tOr(`staffRole.${one.role}`, 'role.other') }) : null),
		el('span', { t: `register.how.${one.how === 'export' ? 'export' : 'viewing'}` }),
		plain('span', one.reason), plain('span', one.tenant), plain('span', formatDate(one.begun)),
	];
}

function downloads() {
	const lang = currentLanguage();
	const one = (format, key) => el('a', { class: 'button', href: `/v1/register?format=${format}&lang=${lang}`, download: `register-${lang}.${format}`, t: key,
		test: `register-${format}` });
	return el('div', { class: 'row' }, one('md', 'register.markdown'), one('csv', 'register.csv'));
}

/* What the law asks for and nobody has said yet stands there as not said. */
function operator(facts) {
	const pair = (key, value) => [el('dt', { t: key }), value ? plain('dd', value) : el('dd', { class: 'late', t: 'register.notSaid' })];
	return el('dl', { class: 'facts', test: 'register-operator' }, ...pair('register.controller', facts.controller?.name),
		...pair('register.contact', facts.controller?.contact), ...pair('register.dpo', facts.dpo), ...pair('register.complaint', facts.complaint),
		...pair('register.assessment', facts.impact_assessment));
}

export async function register(context) {
	const { api } = context;
	const [facts, recipients, disclosures] = await Promise.all([api.get(`/v1/register?lang=${currentLanguage()}`), api.get('/v1/recipients'),
		api.get('/v1/register/disclosures')]);
	const problem = problemLine('register-problem');
	const tenants = list(facts, 'tenants');
	const told = recipientRows(context, list(recipients, 'recipients'), problem);
	const add = context.me.role === 'admin' ? el('button', { type: 'button', class: 'button', t: 'register.newRecipient', test: 'recipient-new',
		on: { click: () => askRecipient(context, tenants) } }) : null;
	return { nodes: [
		el('div', { class: 'row between head' }, el('h1', { t: 'staff.register' }), downloads()),
		el('p', { class: 'lead', t: 'register.lead' }), problem.node, el('section', { class: 'card stack' }, el('h2', { t: 'register.operator' }), operator(facts)),
		el('h2', { t: 'register.tenants' }), ...tenants.map((one) => tenantCard(context, one)),
		el('div', { class: 'row between' }, el('h2', { t: 'register.recipients' }), add),
		told.length ? table(['register.name', 'register.role', 'register.place', 'register.purpose', 'register.tenant', 'register.since', 'table.act'], told,
			'recipient-row', 'register.recipients') : empty('register.noRecipients', { hint: 'register.noRecipientsHint' }),
		el('h2', { t: 'register.disclosures' }),
		paged({ items: list(disclosures, 'disclosures'), row: disclosureRow, columns: ['register.who', 'register.how', 'register.why', 'register.tenant', 'register.when'],
			test: 'disclosure-row', label: 'register.disclosures', none: 'register.noDisclosures', textOf: (one) => `${one.who} ${one.reason} ${one.tenant}` }),
	] };
}
