// Files of tensors (safetensors): eight bytes with the length of the header, the header as JSON, the numbers.
"use strict";

const liveTensors = (() => {
  const KINDS = {
    F64: Float64Array,
    F32: Float32Array,
    I64: BigInt64Array,
    I32: Int32Array,
    U32: Uint32Array,
    I16: Int16Array,
    U16: Uint16Array,
    I8: Int8Array,
    U8: Uint8Array,
  };

  // `about` is what the file says of itself, `tensors` its arrays by name: { shape, values }.
  function read(bytes) {
    const length = Number(new DataView(bytes).getBigUint64(0, true));
    const header = JSON.parse(new TextDecoder().decode(new Uint8Array(bytes, 8, length)));
    const { __metadata__: said, ...described } = header;
    const tensors = {};
    for (const [name, { dtype, shape, data_offsets: [start, end] }] of Object.entries(described)) {
      tensors[name] = { shape, values: new KINDS[dtype](bytes.slice(8 + length + start, 8 + length + end)) };
    }
    return { about: JSON.parse(said.mlplab), tensors };
  }

  return { read };
})();
