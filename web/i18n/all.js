/* Every word there is: the staff's pages. */
import { en } from './en.js';
import { fr } from './fr.js';
import { addWords } from './i18n.js';

addWords('fr', fr);
addWords('en', en);
