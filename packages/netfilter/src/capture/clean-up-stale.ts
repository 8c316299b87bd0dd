// Removes what a killed run has left in the kernel, without starting anything.
import { fail, type Result, succeed } from '@xebec/std';
import { findProgram, runCommand } from '../commands/run.ts';
import { removeStale } from '../namespaces/remove.ts';

/** Cleans up after an earlier run in this state directory; refused while that run is alive. */
export async function cleanUpStale(stateDirectory: string): Promise<Result<undefined>> {
  const ip = findProgram('ip');
  // Without the program nothing can have been made.
  if (ip === undefined) return succeed(undefined);
  try {
    return await removeStale({ ip, run: runCommand }, stateDirectory);
  } catch (error) {
    return fail({
      severity: 'error',
      code: 'capture-clean-up-failed',
      message: `namespaces of an earlier run cannot be removed: ${error instanceof Error ? error.message : String(error)}`,
      remedy: 'run "xebec down" as the user that started the mesh (root for transparent capture)',
      origin: { file: stateDirectory },
    });
  }
}
