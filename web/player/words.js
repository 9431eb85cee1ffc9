/* The player's words come with it: a person's page that never plays anything does not fetch them. */
import { enPlayer } from '../i18n/en_player.js';
import { frPlayer } from '../i18n/fr_player.js';
import { addWords } from '../i18n/i18n.js';

addWords('fr', frPlayer);
addWords('en', enPlayer);
