package engine

import "os"

// An experiment: coverage of interleavings. At each switch from one thread to another
// the two accesses, what they do and where, are hashed to 8 bits, and cover branches on
// that, so that the fuzz engine counts it. REFBENCH_INTERLEAVINGS says how: "counts"
// each time, "set" once in an input.
var (
	coverMode = os.Getenv("REFBENCH_INTERLEAVINGS")
	covered   [4]uint64
)

// NewInput begins another input.
func NewInput() { covered = [4]uint64{} }

func coverSwitch(from, to Op) {
	if coverMode == "" {
		return
	}
	h := mix(uint64(from.Kind)<<32|uint64(from.Loc), uint64(to.Kind)<<32|uint64(to.Loc))
	b := uint8(h ^ h>>8 ^ h>>16 ^ h>>32)
	if coverMode == "set" {
		if covered[b>>6]>>(b&63)&1 != 0 {
			return
		}
		covered[b>>6] |= 1 << (b & 63)
	}
	cover(b)
}

var coverSink int

//go:noinline
func cover(b uint8) {
	switch b {
	case 0:
		coverSink = 0
	case 1:
		coverSink = 1
	case 2:
		coverSink = 2
	case 3:
		coverSink = 3
	case 4:
		coverSink = 4
	case 5:
		coverSink = 5
	case 6:
		coverSink = 6
	case 7:
		coverSink = 7
	case 8:
		coverSink = 8
	case 9:
		coverSink = 9
	case 10:
		coverSink = 10
	case 11:
		coverSink = 11
	case 12:
		coverSink = 12
	case 13:
		coverSink = 13
	case 14:
		coverSink = 14
	case 15:
		coverSink = 15
	case 16:
		coverSink = 16
	case 17:
		coverSink = 17
	case 18:
		coverSink = 18
	case 19:
		coverSink = 19
	case 20:
		coverSink = 20
	case 21:
		coverSink = 21
	case 22:
		coverSink = 22
	case 23:
		coverSink = 23
	case 24:
		coverSink = 24
	case 25:
		coverSink = 25
	case 26:
		coverSink = 26
	case 27:
		coverSink = 27
	case 28:
		coverSink = 28
	case 29:
		coverSink = 29
	case 30:
		coverSink = 30
	case 31:
		coverSink = 31
	case 32:
		coverSink = 32
	case 33:
		coverSink = 33
	case 34:
		coverSink = 34
	case 35:
		coverSink = 35
	case 36:
		coverSink = 36
	case 37:
		coverSink = 37
	case 38:
		coverSink = 38
	case 39:
		coverSink = 39
	case 40:
		coverSink = 40
	case 41:
		coverSink = 41
	case 42:
		coverSink = 42
	case 43:
		coverSink = 43
	case 44:
		coverSink = 44
	case 45:
		coverSink = 45
	case 46:
		coverSink = 46
	case 47:
		coverSink = 47
	case 48:
		coverSink = 48
	case 49:
		coverSink = 49
	case 50:
		coverSink = 50
	case 51:
		coverSink = 51
	case 52:
		coverSink = 52
	case 53:
		coverSink = 53
	case 54:
		coverSink = 54
	case 55:
		coverSink = 55
	case 56:
		coverSink = 56
	case 57:
		coverSink = 57
	case 58:
		coverSink = 58
	case 59:
		coverSink = 59
	case 60:
		coverSink = 60
	case 61:
		coverSink = 61
	case 62:
		coverSink = 62
	case 63:
		coverSink = 63
	case 64:
		coverSink = 64
	case 65:
		coverSink = 65
	case 66:
		coverSink = 66
	case 67:
		coverSink = 67
	case 68:
		coverSink = 68
	case 69:
		coverSink = 69
	case 70:
		coverSink = 70
	case 71:
		coverSink = 71
	case 72:
		coverSink = 72
	case 73:
		coverSink = 73
	case 74:
		coverSink = 74
	case 75:
		coverSink = 75
	case 76:
		coverSink = 76
	case 77:
		coverSink = 77
	case 78:
		coverSink = 78
	case 79:
		coverSink = 79
	case 80:
		coverSink = 80
	case 81:
		coverSink = 81
	case 82:
		coverSink = 82
	case 83:
		coverSink = 83
	case 84:
		coverSink = 84
	case 85:
		coverSink = 85
	case 86:
		coverSink = 86
	case 87:
		coverSink = 87
	case 88:
		coverSink = 88
	case 89:
		coverSink = 89
	case 90:
		coverSink = 90
	case 91:
		coverSink = 91
	case 92:
		coverSink = 92
	case 93:
		coverSink = 93
	case 94:
		coverSink = 94
	case 95:
		coverSink = 95
	case 96:
		coverSink = 96
	case 97:
		coverSink = 97
	case 98:
		coverSink = 98
	case 99:
		coverSink = 99
	case 100:
		coverSink = 100
	case 101:
		coverSink = 101
	case 102:
		coverSink = 102
	case 103:
		coverSink = 103
	case 104:
		coverSink = 104
	case 105:
		coverSink = 105
	case 106:
		coverSink = 106
	case 107:
		coverSink = 107
	case 108:
		coverSink = 108
	case 109:
		coverSink = 109
	case 110:
		coverSink = 110
	case 111:
		coverSink = 111
	case 112:
		coverSink = 112
	case 113:
		coverSink = 113
	case 114:
		coverSink = 114
	case 115:
		coverSink = 115
	case 116:
		coverSink = 116
	case 117:
		coverSink = 117
	case 118:
		coverSink = 118
	case 119:
		coverSink = 119
	case 120:
		coverSink = 120
	case 121:
		coverSink = 121
	case 122:
		coverSink = 122
	case 123:
		coverSink = 123
	case 124:
		coverSink = 124
	case 125:
		coverSink = 125
	case 126:
		coverSink = 126
	case 127:
		coverSink = 127
	case 128:
		coverSink = 128
	case 129:
		coverSink = 129
	case 130:
		coverSink = 130
	case 131:
		coverSink = 131
	case 132:
		coverSink = 132
	case 133:
		coverSink = 133
	case 134:
		coverSink = 134
	case 135:
		coverSink = 135
	case 136:
		coverSink = 136
	case 137:
		coverSink = 137
	case 138:
		coverSink = 138
	case 139:
		coverSink = 139
	case 140:
		coverSink = 140
	case 141:
		coverSink = 141
	case 142:
		coverSink = 142
	case 143:
		coverSink = 143
	case 144:
		coverSink = 144
	case 145:
		coverSink = 145
	case 146:
		coverSink = 146
	case 147:
		coverSink = 147
	case 148:
		coverSink = 148
	case 149:
		coverSink = 149
	case 150:
		coverSink = 150
	case 151:
		coverSink = 151
	case 152:
		coverSink = 152
	case 153:
		coverSink = 153
	case 154:
		coverSink = 154
	case 155:
		coverSink = 155
	case 156:
		coverSink = 156
	case 157:
		coverSink = 157
	case 158:
		coverSink = 158
	case 159:
		coverSink = 159
	case 160:
		coverSink = 160
	case 161:
		coverSink = 161
	case 162:
		coverSink = 162
	case 163:
		coverSink = 163
	case 164:
		coverSink = 164
	case 165:
		coverSink = 165
	case 166:
		coverSink = 166
	case 167:
		coverSink = 167
	case 168:
		coverSink = 168
	case 169:
		coverSink = 169
	case 170:
		coverSink = 170
	case 171:
		coverSink = 171
	case 172:
		coverSink = 172
	case 173:
		coverSink = 173
	case 174:
		coverSink = 174
	case 175:
		coverSink = 175
	case 176:
		coverSink = 176
	case 177:
		coverSink = 177
	case 178:
		coverSink = 178
	case 179:
		coverSink = 179
	case 180:
		coverSink = 180
	case 181:
		coverSink = 181
	case 182:
		coverSink = 182
	case 183:
		coverSink = 183
	case 184:
		coverSink = 184
	case 185:
		coverSink = 185
	case 186:
		coverSink = 186
	case 187:
		coverSink = 187
	case 188:
		coverSink = 188
	case 189:
		coverSink = 189
	case 190:
		coverSink = 190
	case 191:
		coverSink = 191
	case 192:
		coverSink = 192
	case 193:
		coverSink = 193
	case 194:
		coverSink = 194
	case 195:
		coverSink = 195
	case 196:
		coverSink = 196
	case 197:
		coverSink = 197
	case 198:
		coverSink = 198
	case 199:
		coverSink = 199
	case 200:
		coverSink = 200
	case 201:
		coverSink = 201
	case 202:
		coverSink = 202
	case 203:
		coverSink = 203
	case 204:
		coverSink = 204
	case 205:
		coverSink = 205
	case 206:
		coverSink = 206
	case 207:
		coverSink = 207
	case 208:
		coverSink = 208
	case 209:
		coverSink = 209
	case 210:
		coverSink = 210
	case 211:
		coverSink = 211
	case 212:
		coverSink = 212
	case 213:
		coverSink = 213
	case 214:
		coverSink = 214
	case 215:
		coverSink = 215
	case 216:
		coverSink = 216
	case 217:
		coverSink = 217
	case 218:
		coverSink = 218
	case 219:
		coverSink = 219
	case 220:
		coverSink = 220
	case 221:
		coverSink = 221
	case 222:
		coverSink = 222
	case 223:
		coverSink = 223
	case 224:
		coverSink = 224
	case 225:
		coverSink = 225
	case 226:
		coverSink = 226
	case 227:
		coverSink = 227
	case 228:
		coverSink = 228
	case 229:
		coverSink = 229
	case 230:
		coverSink = 230
	case 231:
		coverSink = 231
	case 232:
		coverSink = 232
	case 233:
		coverSink = 233
	case 234:
		coverSink = 234
	case 235:
		coverSink = 235
	case 236:
		coverSink = 236
	case 237:
		coverSink = 237
	case 238:
		coverSink = 238
	case 239:
		coverSink = 239
	case 240:
		coverSink = 240
	case 241:
		coverSink = 241
	case 242:
		coverSink = 242
	case 243:
		coverSink = 243
	case 244:
		coverSink = 244
	case 245:
		coverSink = 245
	case 246:
		coverSink = 246
	case 247:
		coverSink = 247
	case 248:
		coverSink = 248
	case 249:
		coverSink = 249
	case 250:
		coverSink = 250
	case 251:
		coverSink = 251
	case 252:
		coverSink = 252
	case 253:
		coverSink = 253
	case 254:
		coverSink = 254
	case 255:
		coverSink = 255
	}
}
