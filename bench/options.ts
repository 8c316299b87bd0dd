// The command line of the benchmark.
import { parseArgs } from 'node:util';

export const usage = `Usage: npm run bench -- [options]
       npm run bench -- policy [--quick]

What a control plane costs: N services of 5 endpoints as ServiceEntry YAML, M simulated sidecars over delta ADS.
The word "policy" measures the policy service instead: checks warm and cold, reports, and what rules add to two sidecars.

  --services N       services (default 1000)
  --sidecars M       simulated sidecars (default 100)
  --changes K        repetitions of each change (default 10)
  --layout LAYOUT    one file per "namespace" (default) or per "service"
  --mode MODE        "ordinary", "on-demand" or "both" (default) for Xebec's sidecars
  --peer 'COMMAND'   another xDS server to run beside, on the same files; {config} stands for their directory,
                     {port} for the port of plaintext xDS, {http} for one more free port
  --envoys           also real Envoys: cost of one sidecar with 100, 1,000 and 10,000 services known and 5 used
  --data-plane       also the latency and CPU that two sidecars add to requests, against the smallest Envoy pair
  --only             leave out the simulated sidecars (with --envoys or --data-plane)
  --quick            small sizes, for CI: 100 services, 10 sidecars, 3 changes
  --program FILE     measure this bundled xebec.js instead of a fresh build of the sources
  --profile          write a CPU profile of the server beside the results (makes it slower)
  --json FILE        write the results here (default bench/out/)
  --keep             keep the generated files and logs
  --help             this text
`;

export interface BenchOptions {
  readonly services: number;
  readonly sidecars: number;
  readonly changes: number;
  readonly layout: 'namespace' | 'service';
  readonly modes: readonly ('ordinary' | 'on-demand')[];
  readonly peer: string | undefined;
  readonly envoys: boolean;
  readonly dataPlane: boolean;
  /** The policy service, and nothing else unless it is asked for too. */
  readonly policy: boolean;
  readonly only: boolean;
  readonly quick: boolean;
  readonly program: string | undefined;
  readonly profile: boolean;
  readonly json: string | undefined;
  readonly keep: boolean;
}

/** Throws with a message for people when the arguments make no sense. */
export function readOptions(args: readonly string[]): BenchOptions | 'help' {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      services: { type: 'string' },
      sidecars: { type: 'string' },
      changes: { type: 'string' },
      layout: { type: 'string', default: 'namespace' },
      mode: { type: 'string', default: 'both' },
      peer: { type: 'string' },
      envoys: { type: 'boolean', default: false },
      'data-plane': { type: 'boolean', default: false },
      only: { type: 'boolean', default: false },
      quick: { type: 'boolean', default: false },
      program: { type: 'string' },
      profile: { type: 'boolean', default: false },
      json: { type: 'string' },
      keep: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return 'help';
  const { quick } = values;
  const subjects = positionals.map((subject) => oneOf('the subject', subject, ['policy']));
  const policy = subjects.length > 0;
  return {
    services: wholeNumber('--services', values.services, quick ? 100 : 1_000, 100_000),
    sidecars: wholeNumber('--sidecars', values.sidecars, quick ? 10 : 100, 10_000),
    changes: wholeNumber('--changes', values.changes, quick ? 3 : 10, 60),
    layout: oneOf('--layout', values.layout, ['namespace', 'service']),
    modes: modesOf(oneOf('--mode', values.mode, ['ordinary', 'on-demand', 'both'])),
    peer: values.peer,
    envoys: values.envoys,
    dataPlane: values['data-plane'],
    policy,
    only: values.only || policy,
    quick,
    program: values.program,
    profile: values.profile,
    json: values.json,
    keep: values.keep,
  };
}

function wholeNumber(name: string, text: string | undefined, absent: number, most: number): number {
  if (text === undefined) return absent;
  const value = Number(text);
  if (Number.isInteger(value) && value >= 1 && value <= most) return value;
  throw new Error(`${name} must be a whole number from 1 to ${most}, not "${text}"`);
}

function oneOf<T extends string>(name: string, text: string, choices: readonly T[]): T {
  const found = choices.find((choice) => choice === text);
  if (found !== undefined) return found;
  throw new Error(`${name} must be one of ${choices.join(', ')}, not "${text}"`);
}

const modesOf = (mode: 'ordinary' | 'on-demand' | 'both') =>
  mode === 'both' ? (['ordinary', 'on-demand'] as const) : [mode];
