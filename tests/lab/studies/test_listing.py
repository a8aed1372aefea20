"""`lab runs` of a study: the command it names goes on with it, and then reports it."""

import json
import shlex
import shutil

from lab.cli.main import main


def test_a_study_goes_on_and_is_then_reported_with_the_commands_it_names(lab_study, tmp_path, capfd):
    results = tmp_path / "results"
    study, where = results / "descent", f"--results {results}"

    def told():
        assert main(["runs", "--json", "--results", str(results)]) == 0
        (found,) = json.loads(capfd.readouterr().out)["studies"]
        return found

    assert lab_study("--set", "seeds=1", "--set", "set.steps=40")[0] == 0
    assert told()["next"] == f"lab report descent {where}"
    table = study / "trials.csv"
    table.write_text(table.read_text().replace("fast,0,finished", "fast,0,missing"))
    shutil.rmtree(results / "runs" / "descent" / "fast-s0")
    found = told()
    assert (found["runs"], found["planned"]) == (1, 2)
    assert found["next"] == f"lab study {study / 'study.yaml'} {where}"
    assert main(shlex.split(found["next"])[1:]) == 0
    capfd.readouterr()
    found = told()
    assert (found["trainer"], found["states"]) == ("tiny", {"finished": 2})
    assert found["next"] == f"lab report descent {where}"


def test_a_damaged_table_of_trials_is_told(lab_study, tmp_path, capfd):
    lab_study("--set", "seeds=1", "--set", "set.steps=40")
    (tmp_path / "results" / "descent" / "trials.csv").write_text("")
    assert main(["runs", "--results", str(tmp_path / "results"), "--json"]) == 0
    (told,) = json.loads(capfd.readouterr().out)["studies"]
    assert told["states"] == {"finished": 2}
    assert "trials.csv: cannot be read" in told["note"]
