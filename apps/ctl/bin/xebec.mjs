#!/usr/bin/env node
// Starts the command: in a checkout the bundle is made again when a source is newer, in a package it is simply there.
import { existsSync } from 'node:fs';

const at = (path) => new URL(path, import.meta.url);
const isCheckout = existsSync(at('../../../scripts/build.mjs')) && existsSync(at('../src/main.ts'));

if (isCheckout && process.env.XEBEC_NO_BUILD === undefined) {
  const { buildBundle, isBundleStale } = await import(at('../../../scripts/build.mjs').href);
  if (isBundleStale()) {
    if (!existsSync(at('../../../node_modules/esbuild'))) {
      process.stderr.write(
        'error: the dependencies are not installed; run "npm start" or "npm ci" in the checkout\n',
      );
      process.exit(1);
    }
    if (process.stderr.isTTY) process.stderr.write('building xebec …\n');
    const messages = await buildBundle();
    if (messages.length > 0) {
      process.stderr.write(`${messages.join('')}error: xebec could not be built\n`);
      process.exit(1);
    }
  }
}

const bundle = at(isCheckout ? '../../../dist/xebec.js' : '../dist/xebec.js');
await import(bundle.href);
