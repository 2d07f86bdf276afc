/** The font of charts, which comes with the program. */
export const FONT = 'DejaVu Sans';
