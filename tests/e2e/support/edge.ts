// A mesh with gateways on ports of its own, and a certificate authority outside of it.
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { toYaml } from '@xebec/config';
import { freePort } from './free-port.ts';
import { type Mesh, repositoryFile, startMesh } from './mesh.ts';

export const hasOpenssl =
  spawnSync('openssl', ['version'], { timeout: 30_000, killSignal: 'SIGKILL' }).status === 0;

export interface Pair {
  readonly cert: string;
  readonly key: string;
}

export interface IssueOptions {
  readonly algorithm?: 'ec' | 'rsa';
  /** `digitalSignature`; what a workload's certificate must have to count as one. */
  readonly keyUsage?: string;
}

export interface OutsideAuthority extends Disposable {
  /** PEM of its root. */
  readonly root: string;
  readonly directory: string;
  /** A certificate with these subject alternative names: `DNS:a.example`, `URI:spiffe://a/b`. */
  issue(names: readonly string[], options?: IssueOptions): Pair;
  /** A revocation list that names these certificates. */
  revoke(...pairs: readonly Pair[]): string;
}

/** Keys and certificates in a directory of their own, for a day. */
export function openOutsideAuthority(name: string): OutsideAuthority {
  const directory = mkdtempSync(join(tmpdir(), 'xb-ca-'));
  const at = (file: string): string => join(directory, file);
  const openssl = (...parameters: readonly string[]): string =>
    execFileSync('openssl', [...parameters], {
      cwd: directory,
      stdio: ['ignore', 'pipe', 'ignore'],
      timeout: 30_000,
      killSignal: 'SIGKILL',
    }).toString();
  const newKey = (algorithm: 'ec' | 'rsa') =>
    algorithm === 'rsa' ? ['-newkey', 'rsa:2048'] : ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256'];
  const usage = 'keyUsage=critical,keyCertSign,cRLSign';
  openssl(
    ...['req', '-x509', ...newKey('ec'), '-nodes', '-days', '1', '-subj', `/CN=${name}`, '-addext', usage],
    ...['-keyout', 'root.key', '-out', 'root.crt'],
  );
  writeFileSync(
    at('ca.cnf'),
    '[ca]\ndefault_ca=d\n[d]\ndatabase=index.txt\ndefault_md=sha256\ndefault_crl_days=1\ncertificate=root.crt\nprivate_key=root.key\n',
  );
  let count = 0;
  return {
    directory,
    root: readFileSync(at('root.crt'), 'utf8'),
    issue(names, { algorithm = 'ec', keyUsage } = {}) {
      const id = `leaf-${++count}`;
      openssl(
        ...['req', ...newKey(algorithm), '-nodes', '-subj', `/CN=${id}`, '-keyout', `${id}.key`],
        ...['-out', `${id}.csr`],
      );
      const usage = keyUsage === undefined ? '' : `keyUsage=critical,${keyUsage}\n`;
      writeFileSync(at(`${id}.ext`), `subjectAltName=${names.join(',')}\n${usage}`);
      openssl(
        ...['x509', '-req', '-in', `${id}.csr`, '-CA', 'root.crt', '-CAkey', 'root.key', '-days', '1'],
        ...['-set_serial', String(1_000 + count), '-extfile', `${id}.ext`, '-out', `${id}.crt`],
      );
      return { cert: readFileSync(at(`${id}.crt`), 'utf8'), key: readFileSync(at(`${id}.key`), 'utf8') };
    },
    revoke(...pairs) {
      writeFileSync(at('index.txt'), '');
      for (const [position, { cert }] of pairs.entries()) {
        writeFileSync(at(`revoked-${position}.crt`), cert);
        openssl('ca', '-config', 'ca.cnf', '-revoke', `revoked-${position}.crt`);
      }
      return openssl('ca', '-config', 'ca.cnf', '-gencrl');
    },
    [Symbol.dispose]: () => rmSync(directory, { recursive: true, force: true }),
  };
}

export interface GatewayPlan {
  readonly name: string;
  /** Numbers of Gateway objects. */
  readonly ports: readonly number[];
  readonly annotations?: Readonly<Record<string, string>>;
}

export interface EdgeMesh {
  readonly mesh: Mesh;
  /** Where a port of a gateway really listens. */
  portOf(gateway: string, port: number): number;
  stop(): Promise<void>;
}

/** The applications of `apps/echo` behind these gateways in `istio-system`, labelled `istio: NAME`. */
export async function startEdgeMesh(
  gateways: readonly GatewayPlan[],
  more: readonly string[] = [],
  flags: readonly string[] = [],
): Promise<EdgeMesh> {
  const directory = mkdtempSync(join(tmpdir(), 'xb-edge-'));
  const bound = new Map<string, number>();
  for (const { name, ports } of gateways) {
    for (const port of ports) bound.set(`${name}:${port}`, await freePort());
  }
  const portOf = (gateway: string, port: number): number => bound.get(`${gateway}:${port}`) ?? 0;
  const local = {
    apiVersion: 'local.xebec.io/v1alpha1',
    kind: 'LocalImages',
    images: [
      { image: 'xebec.test/echo:1', command: ['node', repositoryFile('tests/e2e/apps/echo/echo.mjs')] },
    ],
    gateways: gateways.map(({ name, ports, annotations }) => ({
      name,
      labels: { istio: name },
      ...(annotations === undefined ? {} : { annotations }),
      ports: ports.map((port) => ({ name: `port-${port}`, port, hostPort: portOf(name, port) })),
    })),
  };
  writeFileSync(join(directory, 'xebec.local.yaml'), toYaml(local));
  const mesh = await startMesh({
    paths: [repositoryFile('tests/e2e/apps/echo/echo.yaml'), directory, ...more],
    ingressPort: false,
    flags,
  });
  const stop = async (): Promise<void> => {
    await mesh.stop();
    rmSync(directory, { recursive: true, force: true });
  };
  return { mesh, portOf, stop };
}

const indent = (text: string): string => text.trimEnd().replaceAll('\n', '\n    ');

/** A Secret of the gateways' namespace. */
export const secretOf = (
  name: string,
  parts: Readonly<Record<string, string>>,
  namespace = 'istio-system',
): string =>
  `apiVersion: v1\nkind: Secret\nmetadata: {name: ${name}, namespace: ${namespace}}\nstringData:\n${Object.entries(
    parts,
  )
    .map(([key, text]) => `  ${key}: |\n    ${indent(text)}\n`)
    .join('')}`;
