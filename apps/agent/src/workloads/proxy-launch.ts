// With what a proxy is started: its Pod's annotation first, then what the control plane knows of ProxyConfigs.
import { mergeLaunches, type ProxyLaunch, readProxyLaunch } from '@xebec/config';
import type { ProxyDescription } from '../envoy/proxy-description.ts';
import type { PodContext } from './pod-context.ts';

interface Starting {
  readonly context: Pick<PodContext, 'proxyLaunch' | 'onEvent'>;
  readonly description: ProxyDescription;
}

/** A proxy starts with the usual settings rather than not at all; what did not hold is said. */
export async function launchFor({ context, description }: Starting): Promise<ProxyLaunch> {
  const { namespace, name, labels, proxyConfig = {} } = description;
  const warn = (code: string, message: string): void =>
    context.onEvent({ kind: 'warning', code, pod: `${namespace}/${name}`, message });
  const { launch, problems } = readProxyLaunch(proxyConfig);
  for (const { message, remedy } of problems) {
    warn('proxy-config-invalid', `in the annotation proxy.istio.io/config ${message}; ${remedy}`);
  }
  const known = await context.proxyLaunch({ namespace, labels });
  if (known.ok) return mergeLaunches(launch, known.value);
  const [problem] = known.diagnostics;
  warn('proxy-config-unknown', `the proxy starts without its ProxyConfig: ${problem?.message ?? ''}`);
  return launch;
}
