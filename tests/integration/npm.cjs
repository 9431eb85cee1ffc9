// Finds packages that tests/e2e installs; a test without them is skipped by name (exit 77).
'use strict';

const path = require('path');
const { createRequire } = require('module');

const fromTests = createRequire(path.join(__dirname, '../e2e/package.json'));

exports.SKIPPED = 77;

exports.need = async (name) => {
	try {
		return await import(require('url').pathToFileURL(fromTests.resolve(name)).href);
	} catch (error) {
		console.log(`skipped: the npm package ${name} is not installed in tests/e2e (${error.code})`);
		process.exit(exports.SKIPPED);
	}
};
