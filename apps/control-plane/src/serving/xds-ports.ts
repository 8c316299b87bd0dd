// The ports on which discovery and certificates are served; the certificate is renewed while streams go on.
import { addIdentifiedStream, type IdentifiedStreamOptions } from '@xebec/ca';
import { type Diagnostic, fail, type Result, succeed } from '@xebec/std';
import type { Binding, XdsServer } from '@xebec/xds';
import type { CertificateAuthority } from './authority.ts';
import { issueServingCertificate } from './certificates.ts';

export interface XdsPorts extends Disposable {
  readonly xds?: string;
  readonly xdsPlaintext?: string;
}

export interface XdsPortsOptions {
  readonly server: XdsServer;
  readonly xds?: string;
  readonly xdsPlaintext?: string;
  readonly authority?: CertificateAuthority;
  /** More services for those with certificates. */
  readonly streams?: readonly Pick<IdentifiedStreamOptions, 'path' | 'open'>[];
  readonly onProblem: (diagnostic: Diagnostic) => void;
}

export async function openXdsPorts(options: XdsPortsOptions): Promise<Result<XdsPorts>> {
  const { server, xds, xdsPlaintext, authority } = options;
  const ports: { xds?: string; xdsPlaintext?: string } = {};
  const renewals: Disposable[] = [];
  if (xds !== undefined) {
    const opened = await bindMutual(options, xds, authority);
    if (!opened.ok) return opened;
    ports.xds = opened.value.address;
    renewals.push(opened.value);
  }
  if (xdsPlaintext !== undefined) {
    const bound = await server.bind({ address: xdsPlaintext });
    if (!bound.ok) return bound;
    ports.xdsPlaintext = withPort(xdsPlaintext, bound.value);
  }
  return succeed({
    ...ports,
    [Symbol.dispose]() {
      for (const renewal of renewals) renewal[Symbol.dispose]();
    },
  });
}

const hostOf = (address: string): string => address.slice(0, address.lastIndexOf(':'));
const withPort = (address: string, { port }: Binding): string => `${hostOf(address)}:${port}`;

async function bindMutual(
  { server, onProblem, streams = [] }: XdsPortsOptions,
  address: string,
  authority: CertificateAuthority | undefined,
): Promise<Result<Disposable & { readonly address: string }>> {
  if (authority === undefined) {
    return fail({
      severity: 'error',
      code: 'no-authority',
      message: `xDS with mutual TLS on ${address} needs a certificate authority`,
      remedy: 'give a directory for it with --state, or serve plaintext on loopback with --xds-plaintext',
    });
  }
  const issue = () => issueServingCertificate(authority.authority, [hostOf(address).replace(/^\[|\]$/g, '')]);
  const first = await issue();
  if (!first.ok) return first;
  const bound = await server.bind({
    address,
    tls: { ...first.value.material, clientCertificates: 'requested' },
    addServices(grpcServer) {
      authority.addServices(grpcServer);
      for (const stream of streams)
        addIdentifiedStream(grpcServer, { ...stream, authenticators: [authority.peers] });
    },
  });
  if (!bound.ok) return bound;
  const renewal = renew(bound.value, first.value.renewAtMs, issue, onProblem);
  const changes = authority.authority.subscribe(() => void renewal.now());
  return succeed({
    address: withPort(address, bound.value),
    [Symbol.dispose]() {
      changes[Symbol.dispose]();
      renewal[Symbol.dispose]();
    },
  });
}

const retryMs = 60_000;
const longestTimerMs = 2 ** 31 - 1;

function renew(
  binding: Binding,
  firstAtMs: number,
  issue: () => ReturnType<typeof issueServingCertificate>,
  onProblem: (diagnostic: Diagnostic) => void,
): Disposable & { now(): Promise<void> } {
  let timer: NodeJS.Timeout | undefined;
  const schedule = (atMs: number): void => {
    clearTimeout(timer);
    timer = setTimeout(() => void run(), Math.min(Math.max(atMs - Date.now(), 1_000), longestTimerMs));
    timer.unref();
  };
  const run = async (): Promise<void> => {
    const next = await issue();
    if (!next.ok) {
      next.diagnostics.forEach(onProblem);
      schedule(Date.now() + retryMs);
      return;
    }
    binding.updateTls(next.value.material);
    schedule(next.value.renewAtMs);
  };
  schedule(firstAtMs);
  return { now: run, [Symbol.dispose]: () => clearTimeout(timer) };
}
