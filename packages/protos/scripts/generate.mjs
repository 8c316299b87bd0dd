// Writes descriptors/ and gen/ from the Go modules of the Envoy API and the protos of our own in proto/.
// Run it only to move to another version: `node packages/protos/scripts/generate.mjs`; needs Go and the module cache.
// With --code-only it keeps the descriptor set and regenerates the code alone (no Go).
import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const home = resolve(dirname(fileURLToPath(import.meta.url)), '..');
const goModule = join(home, 'scripts/descriptors');
const descriptorSet = join(home, 'descriptors/envoy.binpb');
// Excluded, so that the code imports them from @bufbuild/protobuf/wkt.
const wellKnown = 'google/protobuf';
const bin = (name) => join(home, '../../node_modules/.bin', name);

const goRoots = ['github.com/cncf/xds/go', 'github.com/envoyproxy/go-control-plane/envoy'];

/** The v2 API is gone from Envoy, except for a few types its binary still carries. */
const isCurrent = (path) =>
  !path.includes('/go-control-plane/') || /\/(v3(alpha)?|type|type\/matcher)$/.test(path);

/** Lists the packages of the API modules in a Go file, so that linking it fills the registry. */
function writeImports() {
  const packages = execFileSync('go', ['list', '-mod=mod', ...goRoots.map((root) => `${root}/...`)], {
    cwd: goModule,
    encoding: 'utf8',
  });
  const imports = packages.trim().split('\n').filter(isCurrent).sort();
  const head =
    '// Links the packages of the Envoy and xDS APIs into the program. Written by generate.mjs; do not edit.';
  const lines = imports.map((path) => `\t_ "${path}"\n`).join('');
  writeFileSync(join(goModule, 'imports.go'), `${head}\npackage main\n\nimport (\n${lines})\n`);
}

function dumpDescriptors() {
  writeImports();
  execFileSync('go', ['mod', 'tidy'], { cwd: goModule, stdio: 'inherit' });
  const bytes = execFileSync('go', ['run', '.'], { cwd: goModule, maxBuffer: 64 << 20 });
  writeFileSync(descriptorSet, bytes);
}

/** Generates into `out`; strategy `all` hands the plugin every file at once (per directory never ends). */
function generateCode(input, out) {
  const plugin = {
    local: bin('protoc-gen-es'),
    out,
    strategy: 'all',
    opt: ['target=js+dts', 'import_extension=js'],
  };
  const template = JSON.stringify({ version: 'v2', inputs: [input], plugins: [plugin] });
  execFileSync(bin('buf'), ['generate', '--template', template], { cwd: home, stdio: 'inherit' });
}

function countFiles(folder) {
  return readdirSync(folder, { recursive: true }).filter((name) => name.endsWith('.js')).length;
}

if (!process.argv.includes('--code-only')) dumpDescriptors();
const fresh = join(home, 'gen.new');
mkdirSync(fresh);
try {
  generateCode({ binary_image: descriptorSet, exclude_paths: [wellKnown] }, fresh);
  generateCode({ directory: join(home, 'proto'), exclude_paths: ['proto/google'] }, fresh);
  rmSync(join(home, 'gen'), { recursive: true, force: true });
  renameSync(fresh, join(home, 'gen'));
} finally {
  rmSync(fresh, { recursive: true, force: true });
}
console.log(
  `${readFileSync(descriptorSet).length} bytes of descriptors, ${countFiles(join(home, 'gen'))} modules`,
);
