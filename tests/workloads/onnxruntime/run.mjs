// node run.mjs DIRECTORY > logits.json: what ONNX Runtime makes of the models that
// write_reference_models left there. Without its optimisations, which round quantised values in
// other places. Needs the npm package onnxruntime-node.
import fs from 'node:fs';
import path from 'node:path';
import {createRequire} from 'node:module';

const ort = createRequire(path.join(process.cwd(), 'x.js'))('onnxruntime-node');
const directory = process.argv[2];
const lines = [];
for (const file of fs.readdirSync(directory).filter(f => f.endsWith('.onnx')).sort()) {
  const name = file.slice(0, -'.onnx'.length);
  const session = await ort.InferenceSession.create(path.join(directory, file),
                                                    {graphOptimizationLevel: 'disabled'});
  const bytes = fs.readFileSync(path.join(directory, name + '.f32'));
  const images = new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
  const dims = JSON.parse(fs.readFileSync(path.join(directory, name + '.json')));
  const {logits} = await session.run({image: new ort.Tensor('float32', images, dims)});
  lines.push(`"${name}": [${Array.from(logits.data).map(v => v.toPrecision(8)).join(', ')}]`);
}
console.log(`{\n${lines.join(',\n')}\n}`);
