// What a running mesh is doing, in one line: alive on a terminal, a new line per change elsewhere.
import { controlPlaneOf } from '../admin/control-plane.ts';
import { at, numberOf } from '../admin/json.ts';
import type { Cli } from '../cli.ts';
import { type Palette, paletteFor } from '../output/colour.ts';
import { plural } from '../output/table.ts';
import { readProxies } from '../proxies/proxy-statuses.ts';
import { createRateMeter } from './request-rate.ts';
import type { ServingMesh } from './start-mesh.ts';
import { readWorkloads, type Workloads } from './workloads.ts';

const everyMs = 1_000;

/** Until disposed. */
export function followMesh(cli: Cli, mesh: ServingMesh): Disposable {
  const palette = paletteFor(cli, cli.stdout);
  const rate = createRateMeter(mesh.plan.state);
  let isDisposed = false;
  let lastText = '';
  const look = async () => {
    const status = await readStatus(mesh, rate);
    if (isDisposed) return;
    const isLive = cli.stdout.isTTY === true;
    const text = formatStatus(status, palette, isLive);
    if (isLive) cli.stdout.write(`\r\u001b[K${text.slice(0, (cli.stdout.columns ?? 200) + 40)}`);
    else if (text !== lastText) cli.stdout.write(`${text}\n`);
    lastText = text;
  };
  const tick = () => {
    void look()
      .catch(() => undefined)
      .finally(() => {
        if (!isDisposed) timer = setTimeout(tick, everyMs);
      });
  };
  let timer = setTimeout(tick, 0);
  return {
    [Symbol.dispose]: () => {
      isDisposed = true;
      clearTimeout(timer);
      if (cli.stdout.isTTY === true) cli.stdout.write('\r\u001b[K');
    },
  };
}

interface MeshStatus {
  readonly workloads: Workloads | undefined;
  readonly synced: number;
  readonly stale: number;
  readonly errors: number;
  readonly revision: number | undefined;
  readonly requestsPerSecond: number | undefined;
}

async function readStatus(mesh: ServingMesh, rate: () => Promise<number | undefined>): Promise<MeshStatus> {
  const controlPlane = controlPlaneOf(mesh.plan.state);
  const [workloads, proxies, status, requestsPerSecond] = await Promise.all([
    readWorkloads(controlPlane, mesh.plan.gateways),
    readProxies(controlPlane),
    controlPlane.get('/v1/status'),
    rate(),
  ]);
  const all = proxies.ok ? proxies.value : [];
  return {
    workloads: workloads.ok ? workloads.value : undefined,
    synced: all.filter(({ state }) => state === 'SYNCED').length,
    stale: all.filter(({ state }) => state === 'STALE' || state === 'NOT SENT').length,
    errors: all.filter(({ state }) => state === 'ERROR').length,
    revision: status.ok ? numberOf(at(status.value, 'revision')) : undefined,
    requestsPerSecond,
  };
}

function formatStatus(status: MeshStatus, palette: Palette, isLive: boolean): string {
  const { workloads, synced, stale, errors, revision, requestsPerSecond } = status;
  if (workloads === undefined)
    return palette.red('the control plane does not answer; traffic goes on as it was');
  const isGood = workloads.ready >= workloads.wanted && errors === 0;
  const parts = [
    `${workloads.ready}/${workloads.wanted} workloads ready`,
    `${plural(synced, 'proxy', 'proxies')} synced`,
    ...(stale > 0 ? [palette.yellow(`${stale} stale`)] : []),
    ...(errors > 0 ? [palette.red(`${errors} refused something (xebec proxy-status)`)] : []),
    ...(isLive && requestsPerSecond !== undefined ? [`${requestsPerSecond.toFixed(1)} requests/s`] : []),
    ...(revision === undefined ? [] : [`revision ${revision}`]),
    ...(isLive ? [palette.dim('Ctrl-C stops')] : []),
  ];
  return `${isGood ? palette.green('●') : palette.yellow('●')} ${parts.join(' · ')}`;
}
