// Envoy's page of metrics in Istio's words: the standard metrics lose the prefix Envoy gives them, and unknown labels say so.

/** Envoy writes it before every statistic of its own making. */
const prefix = 'envoy_istio_';
const labels = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\.)*)"/g;
const typeLine = /^# (TYPE|HELP) envoy_istio_/;

/** Labels whose `-` has a meaning of its own, or stands for nothing at all. */
const rewrite = (name: string, value: string): string => {
  if (value !== '-' && value !== '') return value;
  if (name === 'response_flags') return '-';
  return name === 'grpc_response_status' ? '' : 'unknown';
};

function rewriteLine(line: string): string {
  if (line.startsWith(prefix)) {
    const renamed = line.slice('envoy_'.length);
    return renamed.replace(
      labels,
      (_match, name: string, value: string) => `${name}="${rewrite(name, value)}"`,
    );
  }
  return typeLine.test(line) ? line.replace('envoy_istio_', 'istio_') : line;
}

/** The text in the Prometheus exposition format, line by line; other metrics stay as they are. */
export const rewriteEnvoyMetrics = (text: string): string => text.split('\n').map(rewriteLine).join('\n');
