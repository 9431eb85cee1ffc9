/* English: approvals, review, code of conduct. */
import { enLedger } from './en_ledger.js';
import { enOverview } from './en_overview.js';

export const enGovernance = {
	...enLedger,
	...enOverview,
	'approval.lead': 'Some recordings open only once a second person has agreed: the coach or an administrator, never whoever asks.',
	'approval.empty': 'Nothing waits for a second person.',
	'approval.approve': 'Approve',
	'approval.deny': 'Deny',
	'conduct.lead': 'Read it and acknowledge it: no recording opens before.',
	'conduct.read': 'I have read this code and keep to it.',
	'conduct.acknowledge': 'Acknowledge',
	'conduct.done': 'You acknowledged version {version}.',
	'conduct.status': 'Who acknowledged it',
	'conduct.version': 'Version',
	'conduct.when': 'On',
	'review.lead': 'Users and grants that nobody has confirmed for {days} days. What stays unconfirmed for {grace} days more ends by itself.',
	'review.empty': 'Every user and grant was confirmed in time.',
	'review.what': 'What',
	'review.user': 'User',
	'review.grant': 'Grant',
	'review.role': 'Role',
	'review.since': 'Since',
	'review.ends': 'Ends',
	'review.confirm': 'Confirm',
	'review.expire': 'End it',
};
