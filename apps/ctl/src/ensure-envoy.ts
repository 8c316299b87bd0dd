// For scripts of the checkout: finds or installs Envoy, prints its path, and says on standard error what is going on.
import { locateEnvoy } from '@xebec/supervise';
import { systemCli } from './cli.ts';
import { printDiagnostics } from './output/diagnostics.ts';
import { startProgress } from './output/progress.ts';

const cli = systemCli('');
const step = startProgress(cli).step('Envoy');
const located = await locateEnvoy({
  env: cli.env,
  onProgress: ({ step: what, detail }) => step.say(`${what} ${detail}`),
});
if (located.ok) {
  step.done(`${located.value.version} (${located.value.source})`);
  printDiagnostics(cli, located.warnings);
  cli.stdout.write(`${located.value.path}\n`);
} else {
  step.failed();
  printDiagnostics(cli, located.diagnostics);
  process.exitCode = 1;
}
