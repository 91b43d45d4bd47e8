"""The preset dictionary of scoring states: what their headers have in common is stored once, here.

It is part of the format: a state can only be read with the bytes it was written with. To change it, keep
these for the version that they belong to. What is most frequent comes last.
"""

import numpy as np

_TEXT = """\
"partial":["true,false,"forest","dhsv_closure","severe_slugging","flow_instability","choke_restriction",\
"recommission","estado_m1","estado_w1","aber_ckgl",\
["p_anular",2.0],["p_jus_bs",2.0],["p_jus_ckgl",2.0],["p_mon_ckgl",2.0],["p_mon_sdv_p",2.0],\
["t_mon_ckp",3.814697265625e-6],["t_pdg",3.814697265625e-6],["aber_ckp",1.9073486328125e-6],\
"8/WELL-00014_2017","SIM-2-00001","DRAWN-1-00003","0/WELL-00001_2023",\
{"facility_id":"FAC-01","last_sequence":"49","wells":[["WELL-00001",["0/WELL-00001_20",0,"",[]],\
[[17,17,17],null,null],[180,[2,2,2,2,2]],[["p_mon_ckp",2.0],["p_jus_ckp",2.0],["p_pdg",2.0],["p_tpt",2.0],\
["t_jus_ckp",3.814697265625e-6],["t_tpt",3.814697265625e-6]],["2/WELL-00001_20",17,[]],\
[[[17,17,["p_mon_ckp","p_pdg","p_tpt","t_jus_ckp","t_tpt"]],\
[28,60,["p_tpt","p_mon_ckp","p_jus_ckp","t_tpt","t_jus_ckp","aber_ckp"],[[0,1,4,[]],[0,4,4,[]]],1],\
[-1,-9223372036854775808],[null,[]],[14,0,0,1,[]],\
[17,60,["p_mon_ckp","p_pdg","p_tpt","t_jus_ckp","t_tpt"],0,-9223372036854775808,9]],14]]]}"""

# Besides, what arrays hold where nothing is known.
WORDS: bytes = _TEXT.encode() + np.array([np.nan] * 4 + [-(2.0**61)] * 4, "<f8").tobytes() + bytes(64)
