/** The views that the twin's loops need on one memory. */
export interface Views {
  readonly words: Int32Array;
  readonly doubles: Float64Array;
  readonly bytes: Uint8Array;
}

export function viewsOf(buffer: SharedArrayBuffer): Views {
  return {
    words: new Int32Array(buffer),
    doubles: new Float64Array(buffer),
    bytes: new Uint8Array(buffer),
  };
}
