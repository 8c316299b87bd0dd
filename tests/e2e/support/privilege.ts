// Whether this machine lets tests capture traffic transparently.
import { detectTransparentCapture } from '@xebec/netfilter';

/** Why not, or undefined when it does. */
export async function transparentCaptureReason(): Promise<string | undefined> {
  const detected = await detectTransparentCapture();
  return detected.available ? undefined : detected.reason;
}
