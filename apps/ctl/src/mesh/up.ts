// xebec up: in the foreground this process holds the mesh; detached, another one like it does.
import type { Cli } from '../cli.ts';
import type { UpOptions } from '../commands/up.ts';
import type { ExitCode } from '../exit-code.ts';
import { refuse } from '../output/diagnostics.ts';
import { identityOptions } from '../parts/identity-options.ts';
import { fileProblem } from '../state/file-problem.ts';
import { stateDirectory } from '../state/state-directory.ts';
import { startDetached } from './detach.ts';
import { holdMesh } from './hold-mesh.ts';

export async function up(cli: Cli, given: readonly string[], options: UpOptions): Promise<ExitCode> {
  const state = stateDirectory(cli, options.state);
  // The control plane would refuse them too, but later and in its log.
  const identities = identityOptions(cli, options);
  if (!identities.ok) return refuse(cli, ...identities.diagnostics);
  try {
    return options.detach === true
      ? await startDetached(cli, { state, given, options })
      : await holdMesh(cli, { state, given, options });
  } catch (error) {
    const problem = fileProblem(state, error);
    if (problem === undefined) throw error;
    return refuse(cli, problem);
  }
}
