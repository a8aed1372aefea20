"""Figures and the HTML report: reads run directories and studies, imports no trainer.

    words           numbers, intervals and names as a person reads them
    style           colours with fixed meanings, type, and how a figure is saved with its words
    series          smoothing, and curves averaged over seeds with their interval
    runs            what figures read of a run directory, and which runs make an arm
    axes            the axis of steps: its numbers, its cycles shaded, a voice over it
    panels          panels of lines below each other on one axis of steps; most figures are such a stack
    voice_panels    which voices share a panel, and how each is named and coloured
    swings          what swings in a log, and how losses go with schedules; swing_words says it, swing_figure draws it
    measured        what `lab stability RUN --keep` left beside a run; floquet draws it
    drawing         which figures there are of runs, and drawing those that are asked for
    heatmap, portrait, response, schedule, stability     one kind of picture each; portrait_film draws one along
    study           a study's figures
    blocks          what sections are made of
    along           a run, or several beside each other, along their steps: samples and phase portrait
    missing         what a run directory lacks that a report would show
    sections        what the report says of a run or a study, as plain data
    html            the page of them (page.html, page.css, page.js)

A trainer draws its own figures with these, in its package: ``gan.figures``, ``rl.figures``.
"""
