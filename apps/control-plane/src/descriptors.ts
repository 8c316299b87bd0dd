// Envoy's message types, for all that reads patches. A program that has provided them before keeps its own.
import { readFileSync } from 'node:fs';
import { provideDescriptors } from '@xebec/protos';

provideDescriptors(() => readFileSync(new URL(import.meta.resolve('@xebec/protos/descriptors/envoy.binpb'))));
