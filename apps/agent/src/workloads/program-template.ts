// One program of this machine as a workload: a Job of one Pod with one container, whose image stands for the command.
import type { Program } from '../options.ts';
import type { LocalImages } from './local-images.ts';
import { templateHash } from './pod-names.ts';
import type { WorkloadTemplate } from './workload-template.ts';

const image = 'local.xebec.io/program';

export const programImages = ({ directory, command }: Program): LocalImages => ({
  directory,
  images: [{ image, command }],
  gateways: [],
});

/** It is started once, and its Pod ends with it. */
export function templateOfProgram(program: Program): WorkloadTemplate {
  const { name, namespace, labels, annotations, serviceAccount } = program;
  const ports = program.ports.map(({ port, transport }) => ({ name: '', port, transport }));
  const { command: _command, onEnded: _onEnded, directory: _directory, ...identity } = program;
  const { readinessProbe } = program;
  const probes = readinessProbe === undefined ? {} : { readinessProbe };
  const container = { name: 'program', image, command: [], args: [], env: [], ports, ...probes };
  return {
    key: `Program/${namespace}/${name}`,
    namespace,
    name,
    hash: templateHash(namespace, { ...identity, pid: process.pid }),
    replicas: 0,
    minReadyMs: 0,
    job: { completions: 1, parallelism: 1, backoffLimit: 0, isSuspended: false },
    labels,
    annotations,
    body: {
      serviceAccountName: serviceAccount,
      containers: [container],
      initContainers: [],
      restartPolicy: 'Never',
      terminationGracePeriodMs: 30_000,
      hostNetwork: false,
      hostname: '',
      nodeName: '',
    },
    podSpec: {
      serviceAccountName: serviceAccount,
      restartPolicy: 'Never',
      containers: [
        {
          name: container.name,
          image,
          ports: ports.map(({ port, transport }) => ({ containerPort: port, protocol: transport })),
        },
      ],
    },
  };
}
