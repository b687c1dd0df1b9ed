import { promisify } from 'node:util';
import { constants, deflateRaw, inflateRawSync } from 'node:zlib';

/**
 * Texts as small as they can be stored: deflated with a dictionary (RFC 1951; zlib's preset dictionary), since each is
 * short and most of it is names that stand in every other one. Base64, since the JavaScript Redis stores only text.
 */

/** What the texts of jobs have in common, the most usual last. Never change it: stored texts were written with it. */
const DICTIONARY = Buffer.from(
  [
    '[["job.queued","1795940300069","{\\"reason\\":\\"created\\"}"],["job.running","1795940300115","{\\"attempt\\":1,',
    '\\"worker\\":\\"descent-worker-1/12345\\",\\"engine\\":\\"native\\",\\"from_epoch\\":0}"],["job.cancelled",',
    '["job.failed",["job.requeued","{\\"code\\":\\"worker_lost\\",\\"message\\":\\"',
    '["job.succeeded","1795940300397","{\\"result\\":{\\"test\\":{\\"loss\\":0.0',
    '"],["job.epoch","1795940300139","{\\"epoch\\":1,\\"step\\":1500,\\"loss\\":0.0,\\"accuracy\\":0.9,',
    '\\"val_loss\\":0.1,\\"val_accuracy\\":0.9,\\"learning_rate\\":0.001,\\"duration_seconds\\":0.1,',
    '\\"steps_per_second\\":9452.1}"],["job.epoch","17959403001',
    '{"name":null,"dataset":"mnist_sample","model":{"hidden_units":[512,512],"activation":"relu","dropout":0.2},"optimizer":',
    '{"type":"adagrad","learning_rate":0.001,"initial_accumulator_value":0.1,"epsilon":1e-7},"optimizer":{"type":"sgd",',
    '"learning_rate":0.01,"momentum":0,"nesterov":false},"optimizer":{"type":"adam","learning_rate":0.001,"beta_1":0.9,',
    '"beta_2":0.999,"epsilon":1e-7,"amsgrad":false},"optimizer":{"type":"rmsprop","learning_rate":0.001,"rho":0.9,',
    '"momentum":0,"epsilon":1e-7,"centered":false},"training":{"epochs":10,"batch_size":128,"validation_split":0.2,',
    '"shuffle":true,"seed":42},"engine":"auto","metadata":{},"limits":{"max_seconds":null}}\0wasm\0native\x089386\0',
    '{"epoch":10,"epochs":10,"step":15000,"steps":15000,"fraction":1,"eta_seconds":0,"steps_per_second":9450.3}\0',
    '{"epoch":10,"loss":0.1,"accuracy":0.9,"val_loss":0.1,"val_accuracy":0.9}\0{"test":{"loss":0.0,"accuracy":0.9},',
    '"train":{"loss":0.0,"accuracy":0.9},"validation":{"loss":0.0,"accuracy":0.9},"best":{"val_loss":{"epoch":10,"value":0.0},',
    '"val_accuracy":{"epoch":10,"value":0.9}},"training_seconds":1.6,"weights_sha256":"","metrics_sha256":"","duration_seconds":',
    '0.2}\0{"code":"","message":"","retryable":false}\x001\ndescent-worker-1/12345\n0\n\n1795940300115\n1795940300389\nsucceeded\0',
    '{"kind":"images","task":"classification","inputs":784,"image":{"height":28,"width":28,"channels":1},"outputs":10,"classes":',
    '["0","1","2","3","4","5","6","7","8","9"],"storage":"u8","dataset":"mnist","rows":{"train":60000,"test":10000},"sha256":',
    '"6241b3c60704d63befb72f3faab227a7a701bdf802070df6eab3f8cbb2f2eeef"}\0{"name":"1-evaluation.json","sha256":"',
    '"}\0{"name":"1-model.bin","sha256":"',
  ].join(''),
);

/** No text that is not packed begins like this, and no other form of packing: the 1 is for the dictionary. */
const MARK = '1:';

const deflate = promisify(deflateRaw);

/** Outside the event loop, which renews the leases. */
export async function packText(text: string): Promise<string> {
  const packed = await deflate(text, { level: constants.Z_BEST_COMPRESSION, dictionary: DICTIONARY });
  return `${MARK}${packed.toString('base64')}`;
}

export const isPackedText = (text: string): boolean => text.startsWith(MARK);

/** @throws when the text is not what `packText` made. */
export const unpackText = (text: string): string =>
  inflateRawSync(Buffer.from(text.slice(MARK.length), 'base64'), { dictionary: DICTIONARY }).toString('utf8');
