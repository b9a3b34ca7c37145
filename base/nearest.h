/* nearest: the name somebody may have meant.
 * Thread: any; nothing is kept. */
#ifndef RS_BASE_NEAREST_H
#define RS_BASE_NEAREST_H

/* Name among `known` (NULL-terminated) nearest to `text` by edit distance (insert, delete, replace, swap of
 * neighbours; case and '-' against '_' do not count), the first of equals; NULL if none is near: at most a
 * third of the longer name may differ. */
const char *rs_nearest_name(const char *text, const char *const *known);

#endif
