enum InputStorePlaceholder {}
