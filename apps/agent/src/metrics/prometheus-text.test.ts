// Envoy's metrics as Istio's boards expect them.
import { expect, test } from 'vitest';
import { rewriteEnvoyMetrics } from './prometheus-text.ts';

test('standard metrics lose the prefix, and unknown labels say so; others stay as they are', () => {
  const page = [
    '# TYPE envoy_istio_requests_total counter',
    'envoy_istio_requests_total{response_flags="-",source_app="-",source_principal="",grpc_response_status="-",destination_service="a-b.c",path="x\\"-\\",y=\\"-"} 3',
    'envoy_istio_request_duration_milliseconds_bucket{source_app="-",le="0.5"} 0',
    '# TYPE envoy_cluster_upstream_rq_total counter',
    'envoy_cluster_upstream_rq_total{envoy_cluster_name="-"} 7',
    '',
  ].join('\n');
  expect(rewriteEnvoyMetrics(page)).toBe(
    [
      '# TYPE istio_requests_total counter',
      'istio_requests_total{response_flags="-",source_app="unknown",source_principal="unknown",grpc_response_status="",destination_service="a-b.c",path="x\\"-\\",y=\\"-"} 3',
      'istio_request_duration_milliseconds_bucket{source_app="unknown",le="0.5"} 0',
      '# TYPE envoy_cluster_upstream_rq_total counter',
      'envoy_cluster_upstream_rq_total{envoy_cluster_name="-"} 7',
      '',
    ].join('\n'),
  );
});
