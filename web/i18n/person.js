/* The words of a person's pages: what only staff read is not fetched for them. */
import { enCall } from './en_call.js';
import { enCommon } from './en_common.js';
import { enRights } from './en_rights.js';
import { frCall } from './fr_call.js';
import { frCommon } from './fr_common.js';
import { frRights } from './fr_rights.js';
import { addWords } from './i18n.js';

addWords('fr', frCommon, frCall, frRights);
addWords('en', enCommon, enCall, enRights);
