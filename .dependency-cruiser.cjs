// The rule of dependence: import only from a group to the left in
// ground → vocabulary → pipeline → servers → adapters → apps.
const ground = 'packages/(std|flow|protos)/';
const vocabulary = 'packages/(config|model)/';
const pipeline = 'packages/(store|mesh|envoy|policy)/';
const servers = 'packages/(xds|ca|telemetry|policy-client)/';
const adapters = 'packages/(journal-file|source-[a-z]+|kube|inject|netfilter|supervise)/';
const apps = 'apps/';
const notTests = '(\\.test\\.ts|/testing/)';

const layer = (name, from, to) => ({
  name,
  severity: 'error',
  comment: `${name}: see CONTRIBUTING.md, "Rule of dependence"`,
  from: { path: `^${from}`, pathNot: notTests },
  to: { path: to.map((path) => `^${path}`) },
});

module.exports = {
  forbidden: [
    layer('ground-imports-ground-only', ground, [vocabulary, pipeline, servers, adapters, apps]),
    layer('vocabulary-imports-left', vocabulary, [pipeline, servers, adapters, apps]),
    layer('pipeline-imports-left', pipeline, [servers, adapters, apps]),
    layer('servers-import-left', servers, [adapters, apps]),
    layer('xds-knows-no-mesh', 'packages/xds/', [vocabulary, pipeline]),
    layer('flow-imports-nothing', 'packages/flow/', ['packages/(?!flow/)']),
    {
      name: 'adapters-never-import-each-other',
      severity: 'error',
      from: { path: `^${adapters}`, pathNot: notTests },
      to: { path: `^${adapters}`, pathNot: '^packages/$1/' },
    },
    {
      name: 'only-apps-import-adapters',
      severity: 'error',
      from: { path: '^packages/', pathNot: notTests },
      to: { path: '^apps/' },
    },
    {
      name: 'node-modules-in-servers-adapters-apps-only',
      severity: 'error',
      comment: 'ground, vocabulary and pipeline do no I/O',
      from: {
        path: `^(${ground}|${vocabulary}|${pipeline})`,
        pathNot: `(${notTests}|packages/protos/(scripts|gen)/)`,
      },
      to: { dependencyTypes: ['core'] },
    },
    {
      name: 'packages-by-name',
      severity: 'error',
      comment: 'import another package by its name, never by a path into its sources',
      from: { path: '^(packages|apps)/([^/]+)/' },
      to: { path: '^(packages|apps)/', pathNot: '^$1/$2/', dependencyTypes: ['local'] },
    },
    {
      name: 'no-cycles',
      severity: 'error',
      comment: 'a cycle that only types make is none at run time',
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '(packages/protos/gen|dist/)' },
    tsConfig: { fileName: 'tsconfig.json' },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'types', 'default'] },
  },
};
