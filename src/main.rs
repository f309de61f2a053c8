fn main(){
    use routedesk::facts::*;
    let facts=text::shipped();
    let a=verify::read_articles(&facts,std::path::Path::new("../shared/articles")).unwrap();
    let mut n=0;
    for c in facts.claims(){ match verify::verify(c,&facts,&a){ verify::Verdict::Verified=>n+=1, v=>println!("{} {:?} | {}",c.id,v,c.statement)} }
    println!("{n} verified");
    let files=text::write(&facts);
    for p in check::check(&facts,&files){println!("{p}");}
    for (n,t) in &files { let p=if n=="sources.toml"{format!("data/{n}")}else{format!("data/facts/{n}")}; if std::fs::read_to_string(&p).unwrap()!=*t { println!("not canonical {n}"); } }
}
