// The control plane alone, as a program: the flags of `xebec controlplane` that the benchmark needs.
import { parseArgs } from 'node:util';
import { type ControlPlaneOptions, runControlPlane } from '@xebec/control-plane';
import { formatDiagnostic } from '@xebec/std';

const { values } = parseArgs({
  allowPositionals: true,
  options: {
    'config-dir': { type: 'string', multiple: true },
    'xds-plaintext': { type: 'string' },
    http: { type: 'string' },
  },
});

const options: ControlPlaneOptions = {
  configDirectories: values['config-dir'] ?? [],
  ...(values['xds-plaintext'] === undefined ? {} : { xdsPlaintext: values['xds-plaintext'] }),
  ...(values.http === undefined ? {} : { http: values.http }),
  onEvent: (event) => {
    if (event.kind === 'listening') process.stdout.write(`${event.what} ${event.address}\n`);
    if (event.kind === 'problem') process.stderr.write(`${formatDiagnostic(event.diagnostic)}\n`);
    if (event.kind === 'fault') process.stderr.write(`${event.what}: ${String(event.error)}\n`);
  },
};

const started = await runControlPlane(options);
if (!started.ok) {
  for (const diagnostic of started.diagnostics) process.stderr.write(`${formatDiagnostic(diagnostic)}\n`);
  process.exit(1);
}
const { close } = started.value;
const end = (): void => void close().finally(() => process.exit(0));
process.once('SIGTERM', end);
process.once('SIGINT', end);
