import { z } from 'zod';

/** A map with these keys and no others. */
export function section<Shape extends z.ZodRawShape>(description: string, shape: Shape): z.ZodObject<Shape> {
  const allowed = `a map with the keys ${Object.keys(shape).join(', ')}`;
  const error = (issue: { readonly code?: string | undefined }): string | undefined =>
    issue.code === 'invalid_type' ? `must be ${allowed}` : undefined;
  return z.strictObject(shape, { error }).meta({ description }) as unknown as z.ZodObject<Shape>;
}

/** A list of one kind of thing. */
export function list<Item extends z.ZodType>(item: Item, example: string, description: string): z.ZodType {
  const allowed = `a list, as ${example}`;
  return z.array(item, { error: `must be ${allowed}` }).meta({ description, allowed });
}
