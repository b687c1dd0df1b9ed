import { z } from 'zod';

/** The forms in which a finished model can be had. */

export const ModelFormatSchema = z.enum(['safetensors', 'onnx', 'keras', 'weights.h5', 'json']).meta({
  id: 'ModelFormat',
  description:
    "safetensors: for PyTorch, JAX and others. onnx: ONNX, operator set 13. keras: Keras 3's own file, with the state of the optimizer, so that Keras can train on. weights.h5: the weights of that file alone. json: numbers as text.",
});

/** Those, and the two files of TensorFlow.js, which has paths of its own because one file names the other. */
export const ModelFileFormatSchema = z.enum([...ModelFormatSchema.options, 'tfjs-model', 'tfjs-weights']);
export type ModelFileFormat = z.output<typeof ModelFileFormatSchema>;

export const TensorLayoutSchema = z.enum(['keras', 'torch']);
export type TensorLayout = z.output<typeof TensorLayoutSchema>;

export const PreprocessingSchema = z.enum(['raw', 'scaled']);
export type Preprocessing = z.output<typeof PreprocessingSchema>;
