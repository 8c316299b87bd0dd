// The name of a network: what the label `topology.istio.io/network` may say.
import { andThen, type Decoder, text } from '../decode/decoder.ts';
import { refuse } from '../decode/walk.ts';
import { checkLabelValue } from './names.ts';

/** Says the network of a workload, of all workloads of a Namespace, or (on a Service) whose gateway it is. */
export const networkLabel = 'topology.istio.io/network';

export const networkName: Decoder<string> = andThen(text, (value, walk) => {
  const complaint = checkLabelValue(value);
  return complaint === undefined ? value : refuse(walk, complaint);
});
