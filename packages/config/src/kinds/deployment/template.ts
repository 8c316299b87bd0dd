// The Pod template that workloads repeat: its labels, annotations and body.
import { andThen, type Decoder } from '../../decode/decoder.ts';
import { object, required, withDefault } from '../../decode/object.ts';
import { checkCaptureAnnotations } from '../../values/capture-annotations.ts';
import { emptyMap } from '../../values/plain-map.ts';
import type { TextMap } from '../../values/shapes.ts';
import { annotations, labels } from '../../values/text-map.ts';
import { podBody } from '../pod/body.ts';
import type { PodTemplate } from './spec.ts';

const metadata = object(
  {
    labels: withDefault<TextMap>(labels, emptyMap),
    annotations: withDefault<TextMap>(annotations, emptyMap),
  },
  { ignored: ['creationTimestamp', 'name', 'namespace', 'generateName', 'finalizers'], isTolerant: true },
);

const noMetadata = { labels: emptyMap, annotations: emptyMap };

export const podTemplate: Decoder<PodTemplate> = andThen(
  object({ metadata: withDefault(metadata, noMetadata), spec: required(podBody) }),
  (value, walk): PodTemplate | undefined =>
    checkCaptureAnnotations(value.metadata.annotations, walk, 'metadata')
      ? { ...value.metadata, body: value.spec }
      : undefined,
);
