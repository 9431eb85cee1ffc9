/* French: approvals, review, code of conduct. */
import { frLedger } from './fr_ledger.js';
import { frOverview } from './fr_overview.js';

export const frGovernance = {
	...frLedger,
	...frOverview,
	'approval.lead': 'Certains enregistrements ne s’ouvrent qu’avec l’accord d’une seconde personne : le coach ou l’administration, jamais qui demande.',
	'approval.empty': 'Rien n’attend une seconde personne.',
	'approval.approve': 'Accorder',
	'approval.deny': 'Refuser',
	'conduct.lead': 'Lisez-le et prenez-en acte : aucun enregistrement ne s’ouvre avant.',
	'conduct.read': 'J’ai lu ce code et je m’y tiens.',
	'conduct.acknowledge': 'Prendre acte',
	'conduct.done': 'Vous avez pris acte de la version {version}.',
	'conduct.status': 'Qui en a pris acte',
	'conduct.version': 'Version',
	'conduct.when': 'Le',
	'review.lead': 'Utilisateurs et autorisations que personne n’a confirmés depuis {days} jours. Ce qui reste sans confirmation {grace} jours de plus prend fin de soi.',
	'review.empty': 'Chaque utilisateur et chaque autorisation a été confirmé à temps.',
	'review.what': 'Quoi',
	'review.user': 'Utilisateur',
	'review.grant': 'Autorisation',
	'review.role': 'Rôle',
	'review.since': 'Depuis',
	'review.ends': 'Prend fin',
	'review.confirm': 'Confirmer',
	'review.expire': 'Mettre fin',
};
