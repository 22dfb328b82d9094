// SPDX-License-Identifier: GPL-3.0-or-later
// What stands where the first transcript will grow: sample prompts, ways to begin, and the model in force.
#pragma once

#include "ui/shell/shell_context.h"
#include "ui/start/samples.h"

#include <QPixmap>
#include <QWidget>

class QGridLayout;
class QLabel;
class QVBoxLayout;

namespace fulgurite {

class ModelPanel;

class StartView : public QWidget {
    Q_OBJECT

  public:
    explicit StartView(const ShellContext& context, QWidget* parent = nullptr);
    // Whether the samples' actions can be run: they are messages of a conversation that has none yet.
    void setOffered(bool offered);

  signals:
    // It is sent; what stands in the composer stays there.
    void samplePicked(const fulgurite::SamplePrompt& sample);

  protected:
    void paintEvent(QPaintEvent* event) override;
    void resizeEvent(QResizeEvent* event) override;
    void showEvent(QShowEvent* event) override;

  private:
    QWidget* makeSamples();
    QWidget* makeBeginnings();
    void addBeginning(QVBoxLayout* column, const QString& action, const QString& note);
    void place();
    void updateModel();
    bool pictureShown() const;

    ShellContext context_;
    QStringList sample_actions_;
    bool offered_ = true;
    QWidget* content_;
    QLabel* title_;
    QWidget* lower_;
    ModelPanel* model_;
    QWidget* beginnings_;
    QPixmap picture_;
    double sand_y_ = 0;
    double mouth_x_ = 0;
    QString model_folder_;
};

} // namespace fulgurite
