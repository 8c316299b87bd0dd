// xebec test: tests of policies, beside the policies.
import { outputOption } from '../options/shared-options.ts';
import { type DefineCommand, newCommand } from './command.ts';

export interface TestOptions {
  readonly output: 'table' | 'json' | 'junit';
}

export const defineTest: DefineCommand = (cli, finish) =>
  newCommand('test', 'run the tests of policies (*.authz.test.yaml) in files or below directories', [
    'xebec test',
    'xebec test samples/authorization',
    'xebec test policies -o junit > results.xml',
  ])
    .argument('[file|dir...]', 'files of tests, or directories to look through (default: this one)')
    .addOption(outputOption('table', 'json', 'junit'))
    .action(async (names: readonly string[], options: TestOptions) => {
      const { testPolicies } = await import('../policy-tests/test-policies.ts');
      finish(await testPolicies(cli, names, options));
    });
