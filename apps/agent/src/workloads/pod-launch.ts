// What it takes to start a Pod's containers here, or why that cannot be.
import type { Container } from '@xebec/config';
import type { Result } from '@xebec/std';
import { succeed } from '@xebec/std';
import { refuse } from '../problem.ts';
import { type ApplicationCommand, commandOf } from './application-command.ts';
import type { LocalImages } from './local-images.ts';
import { type ContainerProbes, probesOf } from './probes.ts';
import type { WorkloadTemplate } from './workload-template.ts';

export interface Launch {
  readonly container: Container;
  readonly command: ApplicationCommand;
  readonly probes: ContainerProbes;
}

export interface Launches {
  readonly init: readonly Launch[];
  readonly main: readonly Launch[];
}

/** One for each container. Its failures are final: they lie in the template or in the map of images. */
export function launchesOf(
  { body }: WorkloadTemplate,
  localImages: readonly LocalImages[],
): Result<Launches> {
  if (body.hostNetwork) return notYetSupported('hostNetwork is');
  const init = launchAll(body.initContainers, localImages);
  if (!init.ok) return init;
  const main = launchAll(body.containers, localImages);
  return main.ok ? succeed({ init: init.value, main: main.value }) : main;
}

function launchAll(
  containers: readonly Container[],
  localImages: readonly LocalImages[],
): Result<readonly Launch[]> {
  const launches: Launch[] = [];
  for (const container of containers) {
    const command = commandOf(container, localImages);
    if (!command.ok) return command;
    const probes = probesOf(container);
    if (!probes.ok) return probes;
    launches.push({ container, command: command.value, probes: probes.value });
  }
  return succeed(launches);
}

const notYetSupported = (what: string): Result<never> =>
  refuse({
    code: 'not-yet-supported',
    message: `${what} not yet supported by the local runtime`,
    remedy: 'remove it from the template, or run this workload on a cluster',
  });

const reasons: Readonly<Record<string, string>> = {
  'unknown-image': 'ErrImageNeverPull',
  'not-yet-supported': 'NotYetSupported',
  'unknown-port-name': 'InvalidProbe',
};

/** The `reason` of a container that waits because of a failure with this code. */
export const waitingReason = (code: string): string => reasons[code] ?? 'CreatePodSandboxError';
