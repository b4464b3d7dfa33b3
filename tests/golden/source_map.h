/*
 * Maps at random, and what Node's own reader says about them; made by make_source_map.mjs.
 */
#ifndef GOLDEN_SOURCE_MAP_H
#define GOLDEN_SOURCE_MAP_H

#include <stdint.h>

struct vector {
    uint32_t line;
    uint32_t column;
    const char *wanted; /* SOURCE LINE COLUMN NAME, or nothing */
};

/* clang-format off */

static const char bundle_json[] =
    "{\"version\":3,\"sources\":[\"a.ts\",\"b/c.ts\",\"d.ts\"],\"names\":[\"one\",\""
    "two\",\"three\",\"four\"],\"mappings\":\"WC0+DuF,WAzRvC,MAsaJG,QChSmGF;;"
    "M,YFoUc,M,UCtoE2BD,M,QC4tCnE;;CDy/Cb,I,SCp4CkF,UA/hCbG;;EAhD7ED,"
    "EFg2CgEA,MAlT5DF,O,CE3nByC,I;UFglDpGE,KC7KiID,M,QAhLjJ,C,QDxQ8CE"
    ",KC5qBgC,CC+Hb;G,UD6wC/CH,U,WCnsByB,YAxvBlB;WDtbkD,OC2nC/EG,QAxo"
    "DgIF,QAkxBxH,OFoaF,EAmiDyH,UEpFpGC,K;UAnnCtCC,I,C,KAlXE,O;QAylC+"
    "H,S;EFthCkB,YE66BzD,GFzhDtBD,Y,I,Y,I;E,I,EE0jBmH,OA6wCnID,SFzByG"
    ",QC+drFE,YCp2DoF,CD3PpGD;QCo6B+FD,YAyG3C;CA9uBoEC;MFj2B1B,OEw+DQ"
    ",YFplBnC,UAw3BOD,EEtZ1E,YFlZD,KA0V+CD,IC0ckB,ICt1C1D;OAq4BYA,M,G"
    "FDrEA,WC7f4K,ECmd7H;GDnkBgB,KAnxBuC,UDlPrDA,EA6iDU,M,SAtvD6CC;GA"
    "m3BxFC;UEsHmK,UFmnBhB,WC20BjFD,I;KCh5D7B,SDwkEaC,E,E,Y,ID7yFkFC;"
    "QEgpDkBA,EFmuChJD,UCz4B8J,YDgsBpJF,U,MEpZ2IC,YAznErH;G,YA2iBb,Q,"
    "IDs3DGE,SCjN+FH,MFgTjD,QEjoB/F\"}";
static const struct vector bundle_vectors[] = {
    {0, 34, "b/c.ts 2168 45 four"},
    {0, 49, "d.ts 1880 144 two"},
    {1, 36, ""},
    {1, 39, ""},
    {3, 23, ""},
    {3, 34, ""},
    {3, 56, ""},
    {4, 26, "d.ts 328 174 four"},
    {4, 44, "d.ts 328 174 four"},
    {5, 3, ""},
    {5, 27, ""},
    {5, 40, ""},
    {5, 48, ""},
    {7, 23, ""},
    {8, 17, "b/c.ts 2454 44 one"},
    {8, 44, "d.ts 1747 69 "},
    {9, 5, ""},
    {9, 24, "d.ts 1696 22 four"},
    {11, 8, "d.ts 2321 140 "},
    {11, 24, ""},
    {11, 30, ""},
    {11, 34, ""},
    {11, 53, ""},
    {12, 43, ""},
    {13, 12, "d.ts 1225 194 "},
    {13, 13, "d.ts 1225 194 "},
    {13, 54, "b/c.ts 829 67 three"},
    {14, 3, ""},
    {14, 34, "d.ts 1866 119 "},
    {15, 46, "d.ts 1116 187 three"},
    {15, 46, "d.ts 1116 187 three"},
    {15, 53, "d.ts 1116 187 three"},
    {16, 19, "d.ts 2275 169 "},
    {16, 31, "a.ts 1679 134 "},
    {16, 43, "d.ts 2161 67 "},
    {16, 48, "d.ts 2161 67 "},
    {16, 49, "a.ts 1759 66 "},
    {16, 52, "a.ts 1759 66 "},
    {17, 13, ""},
    {17, 15, ""},
    {17, 21, "a.ts 2097 16 one"},
    {17, 28, "b/c.ts 1588 188 "},
    {17, 38, "d.ts 2055 63 "},
    {18, 3, "b/c.ts 1476 79 "},
    {18, 44, "a.ts 246 120 two"},
    {19, 10, "a.ts 1129 32 three"},
    {19, 31, "a.ts 1129 32 three"},
    {20, 8, ""},
    {20, 29, "a.ts 1874 179 "},
    {20, 35, ""},
    {21, 21, ""},
    {22, 16, "a.ts 2971 38 three"},
    {22, 42, ""},
    {22, 47, ""},
    {22, 59, "d.ts 2366 187 two"},
    {23, 10, ""},
    {23, 58, "d.ts 2116 11 "},
    {23, 58, "d.ts 2116 11 "},
    {24, 54, ""},
    {24, 55, ""},
    {25, 37, ""},
    {25, 45, ""},
    {25, 47, ""},
    {25, 48, ""},
};

static const char module_json[] =
    "{\"version\":3,\"sources\":[\"a.ts\",\"b/c.ts\",\"d.ts\"],\"names\":[\"one\",\""
    "two\",\"three\",\"four\"],\"mappings\":\"K,mCEs4DqM,aDwgCvIA,oBAjwD6HE,6"
    "BD6lBpK,IAr5CY,mC,0BA6hDyFA,wCAvuDhC,sB,IAhGcC,sCE0+D3C,wB,ED1Y6"
    "E,oCDpS6BF,ECk5CD,CDjEpCE,UAjBjC,0BEzmF6DF,SDwRlBD,4BCmtBtF,eAhl"
    "BrBE,MAMmFD,yB,MDszD0CD,aCjmCtBC,eDuJ7C,kCCm2CuG,6BFoQnLD,uB,6BA"
    "v4CgKG,6BAl8C/I,Q\"}";
static const struct vector module_vectors[] = {
    {0, 19, ""},
    {0, 145, ""},
    {0, 179, "a.ts 1907 125 three"},
    {0, 200, "a.ts 1907 125 three"},
    {0, 225, "a.ts 140 93 "},
    {0, 245, "a.ts 44 107 four"},
    {0, 291, "d.ts 2070 64 "},
    {0, 291, "d.ts 2070 64 "},
    {0, 444, "d.ts 480 119 two"},
    {0, 479, "d.ts 1205 139 two"},
    {0, 522, "b/c.ts 1356 94 "},
    {0, 663, ""},
    {0, 723, ""},
    {0, 796, ""},
    {0, 817, ""},
    {0, 828, ""},
    {0, 846, ""},
    {0, 873, ""},
    {0, 949, ""},
    {0, 1001, ""},
    {0, 1041, ""},
    {0, 1106, ""},
    {0, 1195, ""},
    {0, 1222, ""},
    {0, 1257, ""},
    {0, 1263, ""},
    {0, 1311, ""},
    {0, 1345, ""},
    {0, 1359, ""},
    {0, 1377, ""},
    {0, 1401, ""},
    {0, 1439, ""},
    {0, 1506, ""},
    {0, 1508, ""},
    {0, 1625, ""},
    {0, 1678, ""},
    {0, 1679, ""},
    {0, 1748, ""},
    {0, 1751, ""},
    {0, 1804, ""},
    {0, 1858, ""},
    {0, 1861, ""},
    {0, 1955, ""},
    {0, 2027, ""},
    {0, 2222, ""},
    {0, 2233, ""},
    {0, 2266, ""},
    {0, 2270, ""},
    {0, 2301, ""},
    {0, 2346, ""},
    {0, 2392, ""},
    {0, 2416, ""},
    {0, 2430, ""},
    {0, 2452, ""},
    {0, 2463, ""},
    {0, 2571, ""},
    {0, 2685, ""},
    {0, 2698, ""},
    {0, 2712, ""},
    {0, 2812, ""},
    {0, 2822, ""},
    {0, 2833, ""},
    {0, 2843, ""},
    {0, 2980, ""},
};

/* clang-format on */

#endif
