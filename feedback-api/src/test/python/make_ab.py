import numpy as np, math
from confseq.betting import hedged_cs, betting_mart
def xs(n, kind):
    # a linear congruence, the same in Java
    s=12345; out=[]
    for i in range(n):
        s=(s*1103515245+12345)%(1<<31)
        u=s/(1<<31)
        if kind=='fair': out.append([0.0,0.25,0.5,0.75,1.0][int(u*5)])
        else: out.append(1.0 if u<0.62 else 0.0)
    return np.array(out)
# Run with confseq 0.0.11 (its betting.py needs numpy and scipy).
for kind,n in (('fair',400),('better',400),('better',40)):
    x=xs(n,kind)
    l,u=hedged_cs(x,alpha=0.05,breaks=20000,running_intersection=True,parallel=False)
    m=betting_mart(x,0.5,alpha=0.05,convex_comb=False)
    print(kind,n,x.mean(),l[-1],u[-1],1/np.max(m), int(np.argmax(m>=20))+1 if (m>=20).any() else 0)
